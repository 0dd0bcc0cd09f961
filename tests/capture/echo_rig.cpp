#include "tests/capture/echo_rig.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "audio/pulse_playback.hpp"
#include "audio/pulse_stream.hpp"

namespace prot::capture {
namespace {

constexpr unsigned kPlayerRate = 24'000;
constexpr std::size_t kPart = 160;
constexpr Nanos kLate = 30 * kMillisecond;
constexpr Nanos kTooLong = 120 * kSecond;

}  // namespace

EchoRig::EchoRig(const test::RoomOptions& room, std::unique_ptr<VoiceDetector> detector,
                 std::unique_ptr<EchoCanceller> canceller)
    : player_run_("player", clock_), capture_run_("capture", clock_) {
  room_ = std::thread([this, room] { be_room(room); });
  while (!hears_) ::poll(nullptr, 0, 5);
  start_player();
  start_capture(std::move(detector), std::move(canceller));
  run(500 * kMillisecond);
}

EchoRig::~EchoRig() {
  capture_->stop();
  player_->stop();
  stop_ = true;
  room_.join();
}

void EchoRig::start_player() {
  player_context_ = player_run_.attach();
  auto playout = std::make_shared<player::Playout>(
      player::open_first_of({"pulse:speaker"}, {.rate = kPlayerRate, .pulse_server = pulse_.server()}),
      kPlayerRate, player_context_->board().conversation(), player_context_->bell(), clock_);
  player_ = std::make_unique<player::PlayerStage>(*player_context_, playout,
                                                  std::make_unique<player::AudioThread>(playout));
  player_->start();
}

void EchoRig::start_capture(std::unique_ptr<VoiceDetector> detector,
                            std::unique_ptr<EchoCanceller> canceller) {
  capture_context_ = capture_run_.attach();
  auto feed = std::make_unique<AudioThread>(open_first_of({"pulse:mic"}, {.pulse_server = pulse_.server()}),
                                            capture_context_->bell());
  capture_ = std::make_unique<CaptureStage>(*capture_context_, std::move(feed), std::move(detector), nullptr,
                                            std::move(canceller));
  capture_->start();
}

void EchoRig::restart_player() {
  player_->stop();
  player_.reset();
  player_context_.reset();
  start_player();
}

void EchoRig::restart_capture(std::unique_ptr<VoiceDetector> detector,
                              std::unique_ptr<EchoCanceller> canceller) {
  capture_->stop();
  capture_.reset();
  capture_context_.reset();
  start_capture(std::move(detector), std::move(canceller));
}

void EchoRig::be_room(const test::RoomOptions& options) {
  const auto stream = [this](const char* device, unsigned latency_ms) {
    return audio::PulseOptions{.server = pulse_.server(),
                               .device = device,
                               .format = {.rate = 16'000, .channels = 1},
                               .latency_ms = latency_ms};
  };
  audio::PulseRecord loudspeaker(stream("speaker.monitor", 10));
  audio::PulsePlayback microphone(stream("micsrc", 40));
  test::EchoRoom room(options);
  std::array<std::int16_t, kPart> far{};
  std::array<std::int16_t, kPart> out{};
  while (!stop_) {
    loudspeaker.read(far);
    // A hiccup of this thread would stay as delay: real air has none.
    while (loudspeaker.latency() > kLate) loudspeaker.read(far);
    {
      const std::scoped_lock lock(mutex_);
      const std::size_t count = std::min(person_.size(), kPart);
      room.hear(far, std::span(person_).first(count), out);
      person_.erase(person_.begin(), person_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    microphone.write(out);
    hears_ = true;
  }
}

void EchoRig::say(std::span<const std::int16_t> samples) {
  ++turn_;
  ipc::Output& pcm = player_run_.into("pcm");
  const auto sent = [](ipc::PublishResult result) { REQUIRE(result == ipc::PublishResult::kOk); };
  sent(wire::send(pcm, wire::PcmStart{0, 16'000, 4, 0}, {}, {.turn = turn_}));
  for (std::size_t at = 0; at < samples.size(); at += 960)
    sent(wire::send(pcm, wire::PcmAudio{0, static_cast<std::uint32_t>(at)},
                    wire::as_bytes(samples.subspan(at, std::min<std::size_t>(960, samples.size() - at))),
                    {.turn = turn_}));
  sent(wire::send(pcm, wire::PcmSegmentEnd{0, static_cast<std::uint32_t>(samples.size()), 0, 0, 0, 0}, {},
                  {.turn = turn_}));
  sent(wire::send(pcm, wire::PcmTurnEnd{1, 0}, {}, {.turn = turn_}));
}

void EchoRig::speak(std::span<const std::int16_t> samples) {
  const std::scoped_lock lock(mutex_);
  person_.assign(samples.begin(), samples.end());
}

void EchoRig::cancel() { player_run_.board_of("brain").conversation().cancelled_turn.store(turn_); }

// What the rings and the board would carry between the two.
void EchoRig::pass_on() {
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  wire::Echo echo{};
  ipc::Input& played = player_run_.from("echo");
  while (played.peek(info, payload) == ipc::TakeResult::kFrame) {
    if (wire::decode(info, payload, echo, tail))
      (void)wire::send(capture_run_.into("echo"), echo, tail,
                       {.turn = info.turn, .made_ns = info.made_ns, .flags = info.flags});
    played.release();
  }
  wire::Playback playback{};
  while (player_run_.from("playback").peek(info, payload) == ipc::TakeResult::kFrame) {
    const bool over = wire::decode(info, payload, playback, tail) &&
                      (playback.what == wire::Played::kTurnDone || playback.what == wire::Played::kCutAt);
    if (over) turns_done_ = std::max(turns_done_, info.turn);
    player_run_.from("playback").release();
  }
  capture_run_.board_of("player").playback().playing.store(
      player_run_.board_of("supervisor").playback().playing.load());
  while (capture_run_.from("mic").peek(info, payload) == ipc::TakeResult::kFrame)
    capture_run_.from("mic").release();
  wire::Hearing hearing{};
  while (capture_run_.from("hearing").peek(info, payload) == ipc::TakeResult::kFrame) {
    if (wire::decode(info, payload, hearing, tail)) events_.push_back({hearing.what, hearing.decided_ns});
    capture_run_.from("hearing").release();
  }
}

bool EchoRig::step() {
  player_context_->bell().clear();
  capture_context_->bell().clear();
  const int items = player_->do_work(clock_.now()) + capture_->do_work(clock_.now());
  pass_on();
  return items > 0;
}

void EchoRig::run(Nanos time) {
  const Nanos until = clock_.now() + time;
  while (clock_.now() < until) {
    if (step()) continue;
    const Nanos next =
        std::min({until, player_->next_deadline(clock_.now()), clock_.now() + 20 * kMillisecond});
    pollfd bells[] = {{player_context_->bell().fd(), POLLIN, 0}, {capture_context_->bell().fd(), POLLIN, 0}};
    const timespec timeout{0, std::max<Nanos>(0, next - clock_.now())};
    ::ppoll(bells, 2, &timeout, nullptr);
  }
}

void EchoRig::run_until_said(Nanos rest) {
  const Nanos late = clock_.now() + kTooLong;
  while (turns_done_ < turn_ && clock_.now() < late) run(50 * kMillisecond);
  REQUIRE(turns_done_ == turn_);
  run(rest);
}

std::vector<EchoRig::Event> EchoRig::events() { return std::exchange(events_, {}); }

}  // namespace prot::capture
