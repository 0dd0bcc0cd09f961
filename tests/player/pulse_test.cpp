// The whole stage with its audio thread on a real PulseAudio server without hardware, recorded from the
// loudspeaker's monitor. Exit code 77 (skipped) when it is not installed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <cmath>
#include <mutex>
#include <numbers>
#include <thread>

#include "audio/pulse_stream.hpp"
#include "player/player_stage.hpp"
#include "tests/support/private_pulse.hpp"
#include "tests/support/private_run.hpp"

namespace prot::player {
namespace {

constexpr unsigned kRate = 24'000;
constexpr int kLoud = 500;
const SteadyClock kClock;

/// Records the monitor, with the time at which each sample was heard.
class Recorder {
 public:
  explicit Recorder(const test::PrivatePulse& pulse)
      : stream_({.server = pulse.server(),
                 .device = "speaker.monitor",
                 .format = {.rate = kRate, .channels = 1}}),
        thread_([this] { run(); }) {
    for (bool heard = false; !heard;) {
      ::poll(nullptr, 0, 5);
      const std::scoped_lock lock(mutex_);
      heard = !samples_.empty();
    }
  }
  ~Recorder() {
    stop_ = true;
    thread_.join();
  }
  struct Sound {
    Nanos begins = 0;
    Nanos ends = 0;
    std::size_t loud = 0;  // samples
  };
  /// What was loud after `since`.
  [[nodiscard]] Sound sound_since(Nanos since) {
    const std::scoped_lock lock(mutex_);
    Sound sound;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      if (times_[i] < since || std::abs(static_cast<int>(samples_[i])) < kLoud) continue;
      if (sound.loud++ == 0) sound.begins = times_[i];
      sound.ends = times_[i];
    }
    return sound;
  }

 private:
  void run() {
    std::vector<std::int16_t> block(240);
    while (!stop_) {
      stream_.read(block);
      const Nanos end = monotonic_now() - stream_.latency();
      const std::scoped_lock lock(mutex_);
      for (std::size_t i = 0; i < block.size(); ++i) {
        samples_.push_back(block[i]);
        times_.push_back(end - audio::frames_to_nanos(static_cast<std::int64_t>(block.size() - i), kRate));
      }
    }
  }
  audio::PulseRecord stream_;
  std::mutex mutex_;
  std::vector<std::int16_t> samples_;
  std::vector<Nanos> times_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct Bench {
  Bench()
      : memory("player", kClock),
        context(memory.attach()),
        playout(std::make_shared<Playout>(
            open_first_of({"pulse:speaker"}, {.rate = kRate, .pulse_server = pulse.server()}), kRate,
            context->board().conversation(), context->bell(), kClock)),
        stage(*context, playout, std::make_unique<AudioThread>(playout)) {
    stage.start();
  }
  ~Bench() { stage.stop(); }

  void run(Nanos time) {
    const Nanos until = kClock.now() + time;
    while (kClock.now() < until) {
      context->bell().clear();
      if (stage.do_work(kClock.now()) > 0) continue;
      const Nanos next = std::min({until, stage.next_deadline(kClock.now())});
      pollfd bell{context->bell().fd(), POLLIN, 0};
      const Nanos left = std::max<Nanos>(0, next - kClock.now());
      const timespec timeout{left / kSecond, left % kSecond};
      ::ppoll(&bell, 1, &timeout, nullptr);
      read();
    }
    read();
  }
  void read() {
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    std::span<const std::byte> tail;
    wire::Playback head{};
    while (memory.from("playback").peek(info, payload) == ipc::TakeResult::kFrame) {
      if (wire::decode(info, payload, head, tail) && head.what != wire::Played::kHeard)
        events.push_back(head);
      memory.from("playback").release();
    }
  }
  /// A tone, loud from its first sample on.
  void say(std::uint32_t turn, unsigned ms) {
    std::vector<std::int16_t> wave(kRate / 1000 * ms);
    for (std::size_t i = 0; i < wave.size(); ++i)
      wave[i] = static_cast<std::int16_t>(
          8000 * std::cos(2 * std::numbers::pi * 300 * static_cast<double>(i) / kRate));
    ipc::Output& pcm = memory.into("pcm");
    const auto sent = [](ipc::PublishResult result) { REQUIRE(result == ipc::PublishResult::kOk); };
    sent(wire::send(pcm, wire::PcmStart{0, kRate, 4, 0}, {}, {.turn = turn}));
    for (std::size_t at = 0; at < wave.size(); at += 960)
      sent(wire::send(pcm, wire::PcmAudio{0, static_cast<std::uint32_t>(at)},
                      wire::as_bytes(std::span<const std::int16_t>(wave).subspan(
                          at, std::min<std::size_t>(960, wave.size() - at))),
                      {.turn = turn}));
    sent(wire::send(pcm, wire::PcmSegmentEnd{0, static_cast<std::uint32_t>(wave.size()), 0, 0, 0, 0}, {},
                    {.turn = turn}));
    sent(wire::send(pcm, wire::PcmTurnEnd{1, 0}, {}, {.turn = turn}));
  }

  test::PrivatePulse pulse;
  Recorder recorder{pulse};  // first: while nobody listens, an idle null sink renders seconds ahead
  test::PrivateRun memory;
  std::unique_ptr<stage::StageContext> context;
  std::shared_ptr<Playout> playout;
  PlayerStage stage;
  std::vector<wire::Playback> events;
};

// The monitor hands out what a null sink renders ahead of its time: a recording may be this much early.
constexpr Nanos kTimeBase = 50 * kMillisecond;

// PulseAudio swallows up to this much of what follows a stream that ran dry, in ms (pcm_sink.hpp); a voice
// begins with 15 ms of silence.
constexpr double kSwallowed = 15;

double ms(Nanos time) { return static_cast<double>(time) / kMillisecond; }

}  // namespace

TEST_CASE("a reply after a pause is heard from its first sample on, at the time that is reported") {
  Bench bench;
  for (std::uint32_t turn = 1; turn <= 3; ++turn) {
    bench.run(800 * kMillisecond);
    bench.events.clear();
    const Nanos asked = kClock.now();
    bench.say(turn, 300);
    bench.run(900 * kMillisecond);
    const Recorder::Sound sound = bench.recorder.sound_since(asked - kTimeBase);
    REQUIRE(bench.events.size() == 3);
    MESSAGE("turn ", turn, ": heard after ", ms(sound.begins - asked), " ms, reported ",
            ms(bench.events[0].at_ns - asked), " ms, length ", ms(sound.ends - sound.begins), " ms");
    CHECK(ms(sound.ends - sound.begins) > 300 - kSwallowed);
    CHECK(std::abs(ms(sound.begins - bench.events[0].at_ns)) < 40);
    CHECK(ms(sound.begins - asked) < 150);
  }
}

TEST_CASE("a cancel silences the loudspeaker at once, and the next turn is heard whole") {
  Bench bench;
  const Nanos begin = kClock.now();
  bench.say(1, 3000);
  bench.run(700 * kMillisecond);
  bench.memory.board_of("brain").conversation().cancelled_turn.store(1);
  const Nanos cancelled = kClock.now();
  bench.run(500 * kMillisecond);
  const Recorder::Sound first = bench.recorder.sound_since(begin);
  REQUIRE(bench.events.size() == 2);
  REQUIRE(bench.events[1].what == wire::Played::kCutAt);
  const double heard_ms = bench.events[1].samples_heard * 1000.0 / kRate;
  MESSAGE("silent ", ms(first.ends - cancelled), " ms after the cancel; cut at ", heard_ms, " ms, recorded ",
          ms(first.ends - first.begins), " ms");
  CHECK(ms(first.ends - cancelled) < 80);
  CHECK(std::abs(heard_ms - ms(first.ends - first.begins)) < 40);
  const Nanos next = kClock.now();
  bench.say(2, 300);
  bench.run(800 * kMillisecond);
  const Recorder::Sound second = bench.recorder.sound_since(next - kTimeBase);
  CHECK(ms(second.ends - second.begins) > 300 - kSwallowed);
}

TEST_CASE("a hold is silent at once and goes on where it was") {
  Bench bench;
  const Nanos begin = kClock.now();
  bench.say(1, 1000);
  bench.run(500 * kMillisecond);
  const Nanos held = kClock.now();
  bench.memory.board_of("brain").conversation().hold_until_ns.store(held + 600 * kMillisecond);
  bench.run(500 * kMillisecond);
  const Recorder::Sound first = bench.recorder.sound_since(begin);
  MESSAGE("silent ", ms(first.ends - held), " ms after the hold");
  CHECK(ms(first.ends - held) < 80);
  bench.run(1200 * kMillisecond);
  const Recorder::Sound rest = bench.recorder.sound_since(held + 500 * kMillisecond);
  const double total = ms(first.ends - first.begins) + ms(rest.ends - rest.begins);
  MESSAGE("heard ", total, " ms of 1000");
  CHECK(std::abs(total - 1000) < 40);
  CHECK(bench.events.back().what == wire::Played::kTurnDone);
}

TEST_CASE("a hold that is taken back ends at once, not when it would have ended") {
  Bench bench;
  bench.say(1, 1000);
  bench.run(400 * kMillisecond);
  std::atomic<std::int64_t>& hold = bench.memory.board_of("brain").conversation().hold_until_ns;
  hold.store(kClock.now() + 5 * kSecond);
  bench.run(500 * kMillisecond);
  const Nanos taken_back = kClock.now();
  hold.store(0);
  bench.run(400 * kMillisecond);
  const Recorder::Sound rest = bench.recorder.sound_since(taken_back);
  MESSAGE("sound ", ms(rest.begins - taken_back), " ms after the hold was taken back");
  CHECK(rest.begins != 0);
  CHECK(ms(rest.begins - taken_back) < 150);
}

TEST_CASE("an idle loudspeaker wakes nobody") {
  Bench bench;
  bench.say(1, 100);
  for (int i = 0; i < 50 && bench.events.size() < 3; ++i) bench.run(100 * kMillisecond);
  bench.run(100 * kMillisecond);
  // The loop sleeps until a bell rings; none may.
  bench.context->bell().clear();
  CHECK(bench.stage.do_work(kClock.now()) == 0);
  CHECK(bench.stage.next_deadline(kClock.now()) == kNever);
  pollfd bell{bench.context->bell().fd(), POLLIN, 0};
  CHECK(::poll(&bell, 1, 300) == 0);
}

}  // namespace prot::player

int main(int argc, char** argv) {
  if (!prot::test::PrivatePulse::installed()) return 77;
  return doctest::Context(argc, argv).run();
}
