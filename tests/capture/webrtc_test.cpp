// The real canceller in a computed room. Levels are means over seconds; the bars leave some decibels to what
// was measured (tests/capture/echo_bench.cpp measures).
#include <doctest/doctest.h>

#include <malloc.h>
#include <array>
#include <cmath>

#include "audio/level.hpp"
#include "capture/echo_remover.hpp"
#include "tests/support/echo_room.hpp"

namespace prot::capture {
namespace {

constexpr Nanos kStart = 1000 * kSecond;
constexpr Nanos kTick = kSecond / wire::kMicRate;
constexpr std::size_t kRate = wire::kMicRate;

struct Run {
  std::vector<std::int16_t> heard;
  std::vector<std::int16_t> left;  // in step with `heard`: the delay is taken out
};

/// What happens to one of the streams at a moment, in samples.
struct Trouble {
  std::size_t at = 0;
  std::size_t far_missing = 0;   // frames that the ring dropped
  std::size_t near_missing = 0;  // windows that the microphone lost
  Nanos far_shift = 0;           // the player says another time from then on, and is right
};

double level(std::span<const std::int16_t> samples, double from_s, double to_s) {
  const auto at = [](double seconds) {
    return static_cast<std::size_t>(seconds * static_cast<double>(kRate));
  };
  return audio::rms_dbfs(samples.subspan(at(from_s), at(to_s - from_s)));
}

Run run(std::span<const std::int16_t> far, std::span<const std::int16_t> near,
        const test::RoomOptions& options, const Trouble& trouble = {}) {
  EchoRemover remover(make_echo_canceller("webrtc"));
  test::EchoRoom room(options);
  Run result;
  std::size_t played = 0;
  for (std::size_t at = 0; at + wire::kMicWindow <= far.size(); at += wire::kMicWindow) {
    for (; played < std::min(at + 2400, far.size() - 160); played += 160) {
      if (played >= trouble.at && played < trouble.at + trouble.far_missing) continue;
      remover.far_end().play(std::as_bytes(far.subspan(played, 160)), kRate,
                             kStart + static_cast<Nanos>(played) * kTick, false);
    }
    std::array<std::int16_t, wire::kMicWindow> window;
    room.hear(far.subspan(at, window.size()),
              at < near.size() ? near.subspan(at, std::min(window.size(), near.size() - at)) : near.first(0),
              window);
    result.heard.insert(result.heard.end(), window.begin(), window.end());
    if (at < trouble.at || at >= trouble.at + trouble.near_missing)
      remover.process(window, kStart + static_cast<Nanos>(at) * kTick);
    result.left.insert(result.left.end(), window.begin(), window.end());
  }
  result.left.erase(result.left.begin(), result.left.begin() + static_cast<std::ptrdiff_t>(remover.delay()));
  result.left.resize(result.heard.size());
  return result;
}

double removed(const Run& run, double from_s, double to_s) {
  return level(run.heard, from_s, to_s) - level(run.left, from_s, to_s);
}

/// How much of `near` is in `left`, in dB (0 is all of it), if that is `lag` samples late.
double kept(std::span<const std::int16_t> near, std::span<const std::int16_t> left, double from_s,
            double to_s, int lag = 0) {
  double both = 0;
  double own = 0;
  for (auto i = static_cast<std::size_t>(from_s * kRate); i < static_cast<std::size_t>(to_s * kRate); ++i) {
    both += static_cast<double>(near[i]) * left[i + static_cast<std::size_t>(lag)];
    own += static_cast<double>(near[i]) * near[i];
  }
  return 20 * std::log10(std::max(both / own, 1e-6));
}

int lateness(std::span<const std::int16_t> near, std::span<const std::int16_t> left, double from_s,
             double to_s) {
  int best = -300;
  for (int lag = -300; lag < 300; ++lag)
    if (kept(near, left, from_s, to_s, lag) > kept(near, left, from_s, to_s, best)) best = lag;
  return best;
}

TEST_CASE("prot's own voice is taken away, near and far from the loudspeaker") {
  const auto far = test::babble(8, -20, 1);
  for (const double delay : {2.0, 20.0, 70.0, 120.0}) {
    for (const double attenuation : {6.0, 20.0}) {
      const Run result = run(far, {}, {.delay_ms = delay, .attenuation_db = attenuation});
      MESSAGE(delay, " ms, -", attenuation, " dB: ", removed(result, 0, 1), " dB in the first second, ",
              removed(result, 1, 2), " in the second, ", removed(result, 4, 8), " from the fifth on");
      CHECK(removed(result, 4, 8) > 20);
    }
  }
}

TEST_CASE("a person is heard while prot speaks, and before and after") {
  const auto far = test::babble(10, -20, 1);
  std::vector<std::int16_t> near(far.size());
  const auto voice = test::babble(2, -23, 7);
  std::copy(voice.begin(), voice.end(), near.begin() + 6 * kRate);
  const Run result = run(far, near, {.delay_ms = 40, .attenuation_db = 10});
  MESSAGE("left of prot alone ", level(result.left, 4, 6), " dBFS, of both ", level(result.left, 6, 8));
  CHECK(level(result.left, 6, 8) > level(result.left, 4, 6) + 20);

  std::vector<std::int16_t> silence(far.size());
  const Run alone = run(silence, near, {.noise_db = -65});
  MESSAGE("kept alone: ", kept(near, alone.left, 6, 8), " dB, late by ", lateness(near, alone.left, 6, 8));
  CHECK(kept(near, alone.left, 6, 8) > -3);
  CHECK(std::abs(lateness(near, alone.left, 6, 8)) <= 8);  // delay() is true
}

TEST_CASE("drop-outs of either stream are overcome") {
  const auto far = test::babble(12, -20, 1);
  const test::RoomOptions room{.delay_ms = 40, .attenuation_db = 10};
  for (const Trouble& trouble : {Trouble{.at = 6 * kRate, .far_missing = 1600},
                                 Trouble{.at = 6 * kRate, .near_missing = 10 * wire::kMicWindow}}) {
    const Run result = run(far, {}, room, trouble);
    MESSAGE("removed in the second after: ", removed(result, 6.7, 7.7), " dB, later ",
            removed(result, 9, 12));
    CHECK(removed(result, 6.7, 7.7) > 12);
    CHECK(removed(result, 9, 12) > 20);
  }
}

TEST_CASE("nothing is allocated while it runs") {
  EchoRemover remover(make_echo_canceller("webrtc"));
  const auto far = test::babble(2, -20, 1);
  test::EchoRoom room({});
  std::array<std::int16_t, wire::kMicWindow> window;
  const auto step = [&](std::size_t at) {
    remover.far_end().play(std::as_bytes(std::span(far).subspan(at, window.size())), kRate,
                           kStart + static_cast<Nanos>(at) * kTick, false);
    room.hear(std::span(far).subspan(at, window.size()), {}, window);
    remover.process(window, kStart + static_cast<Nanos>(at) * kTick);
  };
  std::size_t at = 0;
  for (; at < kRate; at += window.size()) step(at);
  const auto before = ::mallinfo2();
  for (; at + window.size() <= far.size(); at += window.size()) step(at);
  const auto after = ::mallinfo2();
  CHECK(after.uordblks == before.uordblks);
}

}  // namespace
}  // namespace prot::capture
