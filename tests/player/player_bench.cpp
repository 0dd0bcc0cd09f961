#include "player_bench.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <utility>

#include "audio/pcm_format.hpp"
#include "base/error.hpp"

namespace prot::player::test {
namespace {

constexpr std::size_t kBuffer = 40 * kPerMs;

class FakeSink final : public PcmSink {
 public:
  explicit FakeSink(FakeDevice& device) : device_(&device) {}
  ~FakeSink() override { device_->flush(); }  // as a sound server does with a client that is gone
  void start() override {
    if (!device_->answers) throw Error("fake: it does not open");
    ++device_->opened;
  }
  void write(std::span<const std::int16_t> samples) override {
    if (device_->broken) throw Error("fake: it is gone");
    device_->write(samples);
  }
  Nanos latency() override { return device_->latency(); }
  bool ran_dry() override { return std::exchange(device_->says_dry, false); }
  void drain() override {}
  void flush() override { device_->flush(); }
  unsigned rate() const noexcept override { return kRate; }
  std::string name() const override { return "fake"; }

 private:
  FakeDevice* device_;
};

class StepRunner final : public PlayoutRunner {
 public:
  explicit StepRunner(std::shared_ptr<Playout> playout) : playout_(std::move(playout)) {}
  std::string start(bool /*patient*/) override { return playout_->open(); }
  void stop(bool play_out) noexcept override { playout_->close(play_out); }

 private:
  std::shared_ptr<Playout> playout_;
};

}  // namespace

void FakeDevice::write(std::span<const std::int16_t> samples) {
  pass();
  buffer_.insert(buffer_.end(), samples.begin(), samples.end());
  while (buffer_.size() > kBuffer) {
    clock_->advance(kMillisecond);
    pass();
  }
}

void FakeDevice::pass() {
  const Nanos now = clock_->now();
  const auto due = static_cast<std::size_t>(audio::nanos_to_frames(now - played_until_, kRate));
  for (std::size_t i = 0; i < due && !buffer_.empty(); ++i) {
    heard.push_back(buffer_.front());
    heard_at.push_back(played_until_ + audio::frames_to_nanos(static_cast<std::int64_t>(i), kRate));
    buffer_.pop_front();
  }
  played_until_ = now;
}

void FakeDevice::flush() {
  pass();
  buffer_.clear();
}

Nanos FakeDevice::latency() {
  pass();
  return audio::frames_to_nanos(static_cast<std::int64_t>(buffer_.size()), kRate);
}

PlayerBench::PlayerBench(std::vector<std::string> overrides,
                         const std::map<std::string, std::uint64_t>& capacities)
    : memory("player", clock, std::move(overrides), capacities) {
  make_stage();
  run(150 * kMillisecond);  // the silence that every new device gets first
  device.heard.clear();
  device.heard_at.clear();
}

PlayerBench::~PlayerBench() { stage->stop(); }

void PlayerBench::make_stage() {
  context = memory.attach();
  const SinkOpener open = [this] {
    auto sink = std::make_unique<FakeSink>(device);
    sink->start();
    return sink;
  };
  playout = std::make_shared<Playout>(open, kRate, context->board().conversation(), context->bell(), clock);
  stage = std::make_unique<PlayerStage>(*context, playout, std::make_unique<StepRunner>(playout));
  stage->start();
}

void PlayerBench::restart() {
  (void)events();
  stage.reset();
  playout.reset();
  context.reset();
  make_stage();
}

void PlayerBench::run(Nanos time) {
  const Nanos until = clock.now() + time;
  while (clock.now() < until) {
    int items = stage->finished() ? 0 : stage->do_work(clock.now());
    const Nanos next = playout->step();
    if (next != 0 && items == 0) clock.advance(kMillisecond);
    device.pass();
  }
}

void PlayerBench::run_out() {
  for (int i = 0; i < 600; ++i) {
    const std::size_t before = device.heard.size();
    run(100 * kMillisecond);
    if (device.heard.size() == before) return;
  }
}

void PlayerBench::send(ipc::PublishResult result) { REQUIRE(result == ipc::PublishResult::kOk); }

void PlayerBench::start(std::uint32_t turn, std::uint32_t segment, std::uint32_t text_bytes,
                        std::uint16_t flags, std::uint32_t joins) {
  send(wire::send(memory.into("pcm"), wire::PcmStart{segment, kRate, text_bytes, joins}, {},
                  {.turn = turn, .made_ns = clock.now(), .flags = flags}));
}

void PlayerBench::align(std::uint32_t turn, std::uint32_t segment, std::vector<wire::AlignPoint> points) {
  send(wire::send(memory.into("pcm"), wire::PcmAlign{segment, static_cast<std::uint32_t>(points.size())},
                  std::as_bytes(std::span(points)), {.turn = turn, .made_ns = clock.now()}));
}

void PlayerBench::audio(std::uint32_t turn, std::uint32_t segment, std::span<const std::int16_t> samples,
                        std::uint32_t first) {
  while (!samples.empty()) {
    const std::span chunk = samples.first(std::min<std::size_t>(samples.size(), 40 * kPerMs));
    send(wire::send(memory.into("pcm"), wire::PcmAudio{segment, first}, wire::as_bytes(chunk),
                    {.turn = turn, .made_ns = clock.now()}));
    first += static_cast<std::uint32_t>(chunk.size());
    samples = samples.subspan(chunk.size());
  }
}

void PlayerBench::end(std::uint32_t turn, std::uint32_t segment, std::uint32_t samples, bool failed) {
  send(wire::send(memory.into("pcm"), wire::PcmSegmentEnd{segment, samples, 0, 0, failed ? 1U : 0U, 0}, {},
                  {.turn = turn, .made_ns = clock.now()}));
}

void PlayerBench::end_turn(std::uint32_t turn, std::uint32_t segments) {
  send(wire::send(memory.into("pcm"), wire::PcmTurnEnd{segments, 0}, {},
                  {.turn = turn, .made_ns = clock.now()}));
}

void PlayerBench::end_of_stream() {
  send(wire::send(memory.into("pcm"), wire::EndOfStream{}, {}, {.made_ns = clock.now()}));
}

void PlayerBench::say(std::uint32_t turn, std::uint32_t segment, std::span<const std::int16_t> samples,
                      std::uint32_t words, std::uint32_t joins) {
  start(turn, segment, 5 * words, 0, joins);
  std::vector<wire::AlignPoint> points;
  for (std::uint32_t i = 1; i <= words; ++i)
    points.push_back({5 * i, static_cast<std::uint32_t>(samples.size() * i / words)});
  align(turn, segment, points);
  audio(turn, segment, samples);
  end(turn, segment, static_cast<std::uint32_t>(samples.size()));
}

void PlayerBench::cancel(std::uint32_t turn) {
  memory.board_of("brain").conversation().cancelled_turn.store(turn);
}

void PlayerBench::hold_until(Nanos when) {
  memory.board_of("brain").conversation().hold_until_ns.store(when);
}

std::vector<PlayerBench::Event> PlayerBench::events(bool with_positions) {
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (memory.from("playback").peek(info, payload) == ipc::TakeResult::kFrame) {
    wire::Playback head{};
    std::span<const std::byte> tail;
    if (wire::decode(info, payload, head, tail)) events_.push_back({head, info.turn});
    saw_end_of_stream |= wire::is<wire::EndOfStream>(info);
    memory.from("playback").release();
  }
  std::vector<Event> chosen;
  for (const Event& event : events_)
    if (with_positions || event.head.what != wire::Played::kHeard) chosen.push_back(event);
  return chosen;
}

std::vector<std::int16_t> tone(std::size_t samples, int sign) {
  std::vector<std::int16_t> wave(samples);
  const std::size_t ramp = 10 * kPerMs;
  for (std::size_t i = 0; i < samples; ++i) {
    const std::size_t edge = std::min(i, samples - 1 - i);
    const double gain = edge < ramp ? static_cast<double>(edge) / static_cast<double>(ramp) : 1.0;
    const double sine = std::sin(2 * std::numbers::pi * 200.0 * static_cast<double>(i) / kRate);
    const double value = sign == 0 ? sine : sign * (0.6 + 0.4 * sine);
    wave[i] = static_cast<std::int16_t>(std::lround(10'000 * gain * value));
  }
  return wave;
}

int largest_step(std::span<const std::int16_t> samples) {
  int largest = 0;
  for (std::size_t i = 1; i < samples.size(); ++i)
    largest = std::max(largest, std::abs(samples[i] - samples[i - 1]));
  return largest;
}

std::vector<std::int16_t> stripped(std::span<const std::int16_t> samples) {
  while (!samples.empty() && samples.front() == 0) samples = samples.subspan(1);
  while (!samples.empty() && samples.back() == 0) samples = samples.first(samples.size() - 1);
  return {samples.begin(), samples.end()};
}

}  // namespace prot::player::test
