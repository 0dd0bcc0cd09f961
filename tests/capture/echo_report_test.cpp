#include "capture/echo_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "tests/support/echo_room.hpp"

namespace prot::capture {
namespace {

constexpr Nanos kStart = 1000 * kSecond;
constexpr Nanos kTick = kSecond / wire::kMicRate;
constexpr std::size_t kRate = wire::kMicRate;

/// Leaves a tenth of everything.
class Tenth final : public EchoCanceller {
 public:
  void process(std::span<std::int16_t, kEchoBlock> near,
               std::span<const std::int16_t, kEchoBlock> /*far*/) noexcept override {
    for (std::int16_t& sample : near) sample = static_cast<std::int16_t>(sample / 10);
  }
  void reset() noexcept override {}
  std::size_t delay() const noexcept override { return 0; }
  std::string_view name() const noexcept override { return "tenth"; }
};

struct Tapes {
  audio::Tape played{.rate = kRate, .block = 160};
  audio::Tape recorded{.rate = kRate, .block = wire::kMicWindow};
};

/// Six seconds of sound after one of silence, in a room; the recording began half a second before.
Tapes tapes(const test::RoomOptions& options, double seconds = 7.5) {
  Tapes both;
  std::vector<std::int16_t> sound(kRate);
  const auto voice = test::babble(6, -20, 3);
  sound.insert(sound.end(), voice.begin(), voice.end());
  for (std::size_t at = 0; at < sound.size(); at += 160)
    both.played.times.push_back(kStart + static_cast<Nanos>(at) * kTick);
  both.played.samples = sound;
  std::vector<std::int16_t> far(kRate / 2);
  far.insert(far.end(), sound.begin(), sound.end());
  far.resize(8 * kRate);
  test::EchoRoom room(options);
  std::vector<std::int16_t> heard(far.size());
  room.hear(far, {}, heard);
  const std::size_t blocks = static_cast<std::size_t>(seconds * kRate) / wire::kMicWindow;
  for (std::size_t i = 0; i < blocks; ++i)
    both.recorded.times.push_back(kStart - kSecond / 2 + static_cast<Nanos>(i * wire::kMicWindow) * kTick);
  heard.resize(blocks * wire::kMicWindow);
  both.recorded.samples = heard;
  return both;
}

EchoMeasurement measure(const Tapes& both) {
  EchoRemover remover(std::make_unique<Tenth>());
  return measure_echo(both.played, both.recorded, remover);
}

TEST_CASE("delay, level and suppression are measured") {
  for (const double delay : {3.0, 45.0, 180.0, 350.0}) {
    const EchoMeasurement echo = measure(tapes({.delay_ms = delay, .attenuation_db = 14, .noise_db = -60}));
    CHECK(echo.delay_ms == doctest::Approx(delay).epsilon(0.01).scale(25));
    CHECK(echo.likeness > 0.4);
    CHECK(std::abs(echo.found_ms - delay) < 1);
    CHECK(echo.moved_ms == doctest::Approx(delay > 100 ? delay - 30 : 0).epsilon(0.01));
    CHECK(echo.echo_db == doctest::Approx(-34).epsilon(0.05));
    CHECK(echo.noise_db == doctest::Approx(-60).epsilon(0.05));
    CHECK(echo.removed_db == doctest::Approx(20).epsilon(0.05));
    CHECK(echo.converged_ms == 0);
    CHECK(echo.seconds == doctest::Approx(6).epsilon(0.03));
  }
}

TEST_CASE("the delay is found where two clocks drift apart") {
  Tapes both = tapes({.delay_ms = 45, .attenuation_db = 14, .noise_db = -60});
  std::vector<std::int16_t> drifted;  // one sample of 2,000 is lost: 3 ms within the sound
  for (std::size_t i = 0; i < both.recorded.samples.size(); ++i)
    if (i % 2000 != 0) drifted.push_back(both.recorded.samples[i]);
  drifted.resize(both.recorded.samples.size());
  both.recorded.samples = drifted;
  const EchoMeasurement echo = measure(both);
  CHECK(echo.likeness > 0.25);
  CHECK(echo.delay_ms > 45 - 4);
  CHECK(echo.delay_ms < 45);
}

stage::Finding only(const stage::Findings& findings) {
  REQUIRE(findings.size() == 1);
  return findings.front();
}

TEST_CASE("what follows from it") {
  using stage::Verdict;
  const EchoMeasurement good{.seconds = 5,
                             .noise_db = -60,
                             .echo_db = -35,
                             .peak_db = -20,
                             .left_db = -60,
                             .removed_db = 25,
                             .delay_ms = 30,
                             .likeness = 0.8,
                             .converged_ms = 700};
  const auto verdicts = [](const stage::Findings& findings) {
    std::string out;
    for (const stage::Finding& finding : findings) {
      out += std::string(to_string(finding.verdict)) + " ";
      CHECK((finding.verdict == Verdict::kOk) == finding.mend.empty());
    }
    return out;
  };
  const auto with = [&](auto change, std::string_view canceller = "webrtc", bool headphones = false) {
    EchoMeasurement echo = good;
    change(echo);
    return verdicts(echo_findings(echo, canceller, headphones));
  };
  const auto same = [](EchoMeasurement&) {};
  CHECK(with(same) == "ok ok ");
  CHECK(with(same, "none") == "ok warn ");
  CHECK(with(same, "none", true) == "fail ok ");  // headphones that are none
  CHECK(with([](EchoMeasurement& e) { e.peak_db = 0; }) == "warn ok ");
  CHECK(with([](EchoMeasurement& e) { e.delay_ms = 300, e.moved_ms = 270; }) == "ok ok ");
  CHECK(with([](EchoMeasurement& e) { e.delay_ms = 550; }) == "warn ok ");
  CHECK(with([](EchoMeasurement& e) { e.removed_db = 15, e.left_db = -50; }) == "ok warn ");
  CHECK(with([](EchoMeasurement& e) { e.removed_db = 5, e.left_db = -40; }) == "ok fail ");
  CHECK(with([](EchoMeasurement& e) { e.echo_db = -58, e.left_db = -60, e.removed_db = 2; }) == "warn ");
  CHECK(with([](EchoMeasurement& e) { e.echo_db = -58; }, "none", true) == "ok ");
  CHECK(with([](EchoMeasurement& e) { e.seconds = 1; }) == "fail ");
  CHECK(with([](EchoMeasurement& e) { e.echo_db = e.noise_db = -120; }) == "fail ");
  CHECK(only(echo_findings({}, "webrtc", false)).finding.find("0.0 s") != std::string::npos);
}

TEST_CASE("a recording that ends too early, or is empty, is told") {
  CHECK(measure(tapes({}, 3)).seconds < 2);
  CHECK(measure({}).seconds == 0);
}

TEST_CASE("tapes survive being bytes; bytes that are none are refused") {
  const Tapes both = tapes({}, 1);
  const std::string bytes = audio::to_bytes(both.played) + audio::to_bytes(both.recorded);
  std::string_view rest = bytes;
  const audio::Tape played = audio::take_tape(rest);
  CHECK(played.samples == both.played.samples);
  CHECK(played.times == both.played.times);
  CHECK(audio::take_tape(rest).samples == both.recorded.samples);
  CHECK(rest.empty());
  CHECK_THROWS_AS((void)audio::take_tape(rest), Error);
  for (const std::size_t cut : {10UL, 24UL, 1000UL}) {
    std::string_view part = std::string_view(bytes).substr(0, cut);
    CHECK_THROWS_AS((void)audio::take_tape(part), Error);
  }
  std::string_view words = "this is not a tape, nor anything like one";
  CHECK_THROWS_AS((void)audio::take_tape(words), Error);
}

}  // namespace
}  // namespace prot::capture
