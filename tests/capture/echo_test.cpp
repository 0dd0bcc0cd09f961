#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "audio/level.hpp"
#include "base/error.hpp"
#include "capture/echo_remover.hpp"
#include "tests/support/echo_room.hpp"

namespace prot::capture {
namespace {

constexpr Nanos kStart = 1000 * kSecond;
constexpr Nanos kTick = kSecond / wire::kMicRate;  // of a sample
constexpr std::size_t kFrame = 160;

std::vector<std::int16_t> ramp(std::size_t count, std::int16_t from = 1) {
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i)
    samples[i] = static_cast<std::int16_t>((from + static_cast<int>(i)) % 10'000 + 1);
  return samples;
}

void play(FarEnd& far, std::span<const std::int16_t> samples, Nanos at, bool cut = false,
          unsigned rate = 16'000) {
  far.play(std::as_bytes(samples), rate, at, cut);
}

std::vector<std::int16_t> read(const FarEnd& far, Nanos at, std::size_t count) {
  std::vector<std::int16_t> out(count);
  far.read(FarEnd::index_of(at), out);
  return out;
}

TEST_CASE("what was played lies in its place on the clock, silence around it") {
  FarEnd far;
  const auto samples = ramp(4800);
  // The stamps jitter by two milliseconds; the samples lie in a row all the same.
  for (std::size_t at = 0; at < samples.size(); at += kFrame) {
    const Nanos jitter = at == 0 ? 0 : static_cast<Nanos>(at % 7) * 600 * kMicrosecond - 2 * kMillisecond;
    play(far, std::span(samples).subspan(at, kFrame), kStart + static_cast<Nanos>(at) * kTick + jitter);
  }
  CHECK(read(far, kStart, samples.size()) == samples);
  CHECK(far.stretches() == 1);
  CHECK(read(far, kStart - 100 * kTick, 100) == std::vector<std::int16_t>(100));
  CHECK(read(far, kStart + 4800 * kTick, 100) == std::vector<std::int16_t>(100));
}

TEST_CASE("a pause, or a jump of the stamps that lasts, begins a new stretch") {
  FarEnd far;
  const auto samples = ramp(kFrame);
  play(far, samples, kStart);
  play(far, samples, kStart + kSecond);
  CHECK(far.stretches() == 2);
  CHECK(read(far, kStart + kSecond, kFrame) == samples);
  CHECK(read(far, kStart + 500 * kMillisecond, 100) == std::vector<std::int16_t>(100));
  // One odd stamp changes nothing; twenty milliseconds that stay are an underrun.
  Nanos next = kStart + kSecond + 10 * kMillisecond;
  play(far, samples, next + 20 * kMillisecond);
  CHECK(far.stretches() == 2);
  for (int i = 1; i < 6; ++i) play(far, samples, next + i * 10 * kMillisecond + 20 * kMillisecond);
  CHECK(far.stretches() == 3);
  CHECK(read(far, next + 70 * kMillisecond, kFrame) == samples);
}

TEST_CASE("what was announced and cut was never played") {
  FarEnd far;
  const auto samples = ramp(1600);
  play(far, samples, kStart);
  const auto fade = ramp(kFrame, 500);
  play(far, fade, kStart + 20 * kMillisecond, true);
  CHECK(read(far, kStart + 20 * kMillisecond, kFrame) == fade);
  CHECK(read(far, kStart + 30 * kMillisecond, 1120) == std::vector<std::int16_t>(1120));
  CHECK(read(far, kStart, 320) == std::vector<std::int16_t>(samples.begin(), samples.begin() + 320));
}

TEST_CASE("only the last two seconds are there, and a mad stamp does no harm") {
  FarEnd far;
  const auto samples = ramp(kFrame);
  play(far, samples, kStart);
  play(far, samples, kStart + 3 * kSecond);
  CHECK(read(far, kStart, kFrame) == std::vector<std::int16_t>(kFrame));
  play(far, samples, INT64_MAX / 2);
  play(far, samples, 0);
  CHECK(read(far, kStart + 3 * kSecond, kFrame) == std::vector<std::int16_t>(kFrame));
  play(far, {}, kStart);
  play(far, samples, kStart, false, 17);
  play(far, samples, kStart + kSecond);
  CHECK(read(far, kStart + kSecond, kFrame) == samples);
}

TEST_CASE("another rate is brought to 16 kHz in its place") {
  FarEnd far;
  std::vector<std::int16_t> tone(48'000);
  for (std::size_t i = 0; i < tone.size(); ++i)
    tone[i] =
        static_cast<std::int16_t>(8000 * std::sin(2 * 3.14159265 * 500 * static_cast<double>(i) / 48'000));
  for (std::size_t at = 0; at < tone.size(); at += 480)
    play(far, std::span(tone).subspan(at, 480), kStart + static_cast<Nanos>(at) * kSecond / 48'000, false,
         48'000);
  const auto out = read(far, kStart, 14'000);
  for (std::size_t i = 200; i < out.size(); i += 13)
    CHECK(std::abs(out[i] - 8000 * std::sin(2 * 3.14159265 * 500 * static_cast<double>(i) / 16'000)) < 100);
}

/// Takes the far end away as it is: what is left shows every sample of misplacement.
class Subtraction final : public EchoCanceller {
 public:
  void process(std::span<std::int16_t, kEchoBlock> near,
               std::span<const std::int16_t, kEchoBlock> far) noexcept override {
    for (std::size_t i = 0; i < near.size(); ++i) near[i] = static_cast<std::int16_t>(near[i] - far[i]);
  }
  void reset() noexcept override { ++resets; }
  std::size_t delay() const noexcept override { return 0; }
  std::string_view name() const noexcept override { return "subtraction"; }
  int resets = 0;
};

/// A loudspeaker and a microphone on one clock, window by window. The echo comes exactly when the remover
/// gives the far end to the canceller.
struct Scene {
  EchoRemover remover{std::make_unique<Subtraction>()};
  Nanos now = kStart;
  std::size_t played = 0;
  Nanos jitter = 0;
  std::size_t pause_from = 0;  // nothing is written
  std::size_t pause_to = 0;

  /// The next window of a loudspeaker that plays `sound`, heard by a microphone that is `late` by its own
  /// word. True: nothing is left of it.
  bool step(std::span<const std::int16_t> sound, Nanos late = 0) {
    for (; played < sound.size() && kStart + static_cast<Nanos>(played) * kTick < now + 100 * kMillisecond;
         played += kFrame) {
      if (played >= pause_from && played < pause_to) continue;
      play(remover.far_end(), sound.subspan(played, kFrame),
           kStart + static_cast<Nanos>(played) * kTick + (played > 0 ? jitter : 0));
      jitter = -jitter;
    }
    std::array<std::int16_t, wire::kMicWindow> window{};
    const auto lead = static_cast<std::size_t>(EchoRemover::kLead / kTick);
    for (std::size_t i = 0; i < window.size(); ++i) {
      const std::size_t at = static_cast<std::size_t>((now - kStart) / kTick) + lead + i;
      if (at < sound.size()) window[i] = sound[at];
    }
    remover.process(window, now + late);
    now += static_cast<Nanos>(wire::kMicWindow) * kTick;
    return std::all_of(window.begin(), window.end(), [](int sample) { return sample == 0; });
  }
};

TEST_CASE("the canceller gets the far end of the same moment, whatever jitters") {
  Scene scene;
  scene.jitter = 2 * kMillisecond;
  const auto sound = ramp(32'000);
  (void)scene.step(sound);
  for (int i = 0; i < 50; ++i) CHECK(scene.step(sound, (i % 3) * kMillisecond - kMillisecond));
  CHECK(scene.remover.slips() == 0);
}

TEST_CASE("as much comes out as goes in, delay() later") {
  Scene scene;
  const auto near = ramp(20 * wire::kMicWindow);
  std::vector<std::int16_t> out;
  for (std::size_t at = 0; at < near.size(); at += wire::kMicWindow) {
    std::array<std::int16_t, wire::kMicWindow> window;
    std::copy_n(near.begin() + static_cast<std::ptrdiff_t>(at), window.size(), window.begin());
    scene.remover.process(window, kStart + static_cast<Nanos>(at) * kTick);
    out.insert(out.end(), window.begin(), window.end());
  }
  const std::size_t delay = scene.remover.delay();
  CHECK(std::equal(out.begin() + static_cast<std::ptrdiff_t>(delay), out.end(), near.begin()));
}

TEST_CASE("after a drop-out of the microphone the far end is found again at once") {
  Scene scene;
  const auto sound = ramp(64'000);
  for (int i = 0; i < 20; ++i) (void)scene.step(sound);
  scene.now += 5 * static_cast<Nanos>(wire::kMicWindow) * kTick;  // these windows were lost
  (void)scene.step(sound);
  for (int i = 0; i < 20; ++i) CHECK(scene.step(sound));
  CHECK(scene.remover.slips() == 1);
}

TEST_CASE("a player that pauses, or is restarted, is followed") {
  Scene scene;
  auto sound = ramp(64'000);
  scene.pause_from = 16'000;
  scene.pause_to = 24'000;
  std::fill(sound.begin() + 16'000, sound.begin() + 24'000, std::int16_t{0});
  (void)scene.step(sound);
  for (int i = 0; i < 90; ++i) CHECK(scene.step(sound));
  CHECK(scene.remover.slips() == 0);
  CHECK(scene.remover.far_end().stretches() == 2);
}

/// Takes nothing away.
class Nothing final : public EchoCanceller {
 public:
  void process(std::span<std::int16_t, kEchoBlock> /*near*/,
               std::span<const std::int16_t, kEchoBlock> /*far*/) noexcept override {}
  void reset() noexcept override {}
  std::size_t delay() const noexcept override { return 0; }
  std::string_view name() const noexcept override { return "nothing"; }
};

/// Prot speaks behind three seconds of the room's noise, and is heard `echo` times as loud as it is played.
/// Seconds of its speech until its voice is taken for known; 0: never.
double learning_takes(double noise, double echo) {
  EchoRemover remover(std::make_unique<Nothing>());
  std::uint32_t seed = 1;
  const auto random = [&seed] {
    seed = seed * 1664525U + 1013904223U;
    return static_cast<double>(seed >> 8U) / (1U << 23U) - 1;
  };
  const std::size_t begin = 3 * wire::kMicRate;
  std::vector<std::int16_t> far(10 * wire::kMicRate);
  for (std::size_t i = begin; i < far.size(); ++i)
    far[i] = static_cast<std::int16_t>(8000 * std::sin(0.2 * static_cast<double>(i)));
  std::size_t played = begin;
  for (std::size_t at = 0; at + wire::kMicWindow <= far.size(); at += wire::kMicWindow) {
    for (; played < far.size() && played < at + 2000; played += kFrame)
      play(remover.far_end(), std::span(far).subspan(played, kFrame),
           kStart + static_cast<Nanos>(played) * kTick);
    std::array<std::int16_t, wire::kMicWindow> window;
    for (std::size_t i = 0; i < window.size(); ++i)
      window[i] = static_cast<std::int16_t>(noise * random() + echo * far[at + i]);
    remover.process(window, kStart + static_cast<Nanos>(at) * kTick);
    if (at > begin + wire::kMicRate / 10 && !remover.is_learning())
      return static_cast<double>(at - begin) / wire::kMicRate;
  }
  return 0;
}

TEST_CASE("who wears headphones, or is in a loud room, may interrupt after two seconds of prot's voice") {
  const double unheard = learning_takes(400, 0);  // -43 dBFS of noise
  CHECK(unheard > 1.9);
  CHECK(unheard < 3);
  CHECK(learning_takes(0, 0) > 1.9);        // a silent room
  CHECK(learning_takes(2000, 0.02) > 1.9);  // an echo that the noise covers
  CHECK(learning_takes(400, 0.1) == 0);     // one that is heard, and stays
  CHECK(learning_takes(0, 0.1) == 0);
}

TEST_CASE("another microphone: the room is forgotten") {
  auto canceller = std::make_unique<Subtraction>();
  Subtraction& told = *canceller;
  EchoRemover remover(std::move(canceller));
  remover.reset();
  CHECK(told.resets == 1);
}

TEST_CASE("cancellers by name") {
  CHECK(make_echo_canceller("none") == nullptr);
  CHECK_THROWS_AS((void)make_echo_canceller("magic"), UsageError);
  for (const std::string_view name : echo_canceller_names())
    if (name != "none") CHECK(make_echo_canceller(name)->name() == name);
}

}  // namespace
}  // namespace prot::capture
