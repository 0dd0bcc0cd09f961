// The real canceller and an echo that comes later than both devices say. The bars leave some decibels to what
// was measured.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "audio/level.hpp"
#include "capture/echo_remover.hpp"
#include "tests/support/echo_room.hpp"

namespace prot::capture {
namespace {

constexpr Nanos kStart = 1000 * kSecond;
constexpr Nanos kTick = kSecond / wire::kMicRate;
constexpr std::size_t kRate = wire::kMicRate;
constexpr double kHeard = -45;  // dBFS

struct Stage {
  EchoRemover remover{make_echo_canceller("webrtc")};
  std::vector<std::int16_t> heard;
  std::vector<std::int16_t> left;
  double learned_s = -1;  // when prot's voice was last not yet known
  unsigned leaks = 0;     // windows before a person speaks that count as a person's, and are heard

  /// `far` in the room, with `near` over it.
  void run(std::span<const std::int16_t> far, std::span<const std::int16_t> near, test::EchoRoom& room) {
    std::size_t played = 0;
    const auto person = static_cast<std::size_t>(
        std::ranges::find_if(near, [](auto sample) { return sample != 0; }) - near.begin());
    const Nanos began = kStart + static_cast<Nanos>(heard.size()) * kTick;
    for (std::size_t at = 0; at + wire::kMicWindow <= far.size(); at += wire::kMicWindow) {
      for (; played < at + 1600 && played + kEchoBlock <= far.size(); played += kEchoBlock)
        remover.far_end().play(std::as_bytes(far.subspan(played, kEchoBlock)), kRate,
                               began + static_cast<Nanos>(played) * kTick, false);
      std::array<std::int16_t, wire::kMicWindow> window;
      room.hear(
          far.subspan(at, window.size()),
          at < near.size() ? near.subspan(at, std::min(window.size(), near.size() - at)) : near.first(0),
          window);
      heard.insert(heard.end(), window.begin(), window.end());
      remover.process(window, began + static_cast<Nanos>(at) * kTick);
      left.insert(left.end(), window.begin(), window.end());
      if (remover.is_learning()) learned_s = static_cast<double>(heard.size()) / kRate;
      if (at + wire::kMicWindow < person && !remover.is_learning() && audio::rms_dbfs(window) > kHeard)
        ++leaks;
    }
  }
  [[nodiscard]] double level(const std::vector<std::int16_t>& samples, double from_s, double to_s) const {
    const auto at = [](double seconds) {
      return static_cast<std::size_t>(seconds * static_cast<double>(kRate));
    };
    REQUIRE(at(to_s) <= samples.size());  // a run ends with its last whole window
    return audio::rms_dbfs(std::span(samples).subspan(at(from_s), at(to_s - from_s)));
  }
  [[nodiscard]] double removed(double from_s, double to_s) const {
    return level(heard, from_s, to_s) - level(left, from_s, to_s);
  }
};

TEST_CASE("an echo is taken away however late it is, and a person over it is heard") {
  const auto far = test::babble(12, -20, 1);
  std::vector<std::int16_t> near(far.size());
  const auto voice = test::babble(2, -23, 7);
  std::copy(voice.begin(), voice.end(), near.begin() + 7 * kRate);
  for (const double delay : {0.0, 60.0, 150.0, 250.0, 400.0}) {
    CAPTURE(delay);
    Stage stage;
    test::EchoRoom room({.delay_ms = delay, .attenuation_db = 10, .tail_ms = 80});
    stage.run(far, near, room);
    MESSAGE(delay, " ms: ", stage.removed(2, 4), " dB from the third second on, ", stage.removed(5, 7),
            " from the sixth, ", stage.removed(9.5, 11.5), " behind the person; known after ",
            stage.learned_s, " s; moved by ", static_cast<double>(stage.remover.shift()) / kMillisecond,
            " ms; leaks ", stage.leaks);
    CHECK(stage.leaks == 0);
    CHECK(stage.removed(5, 7) > 20);
    CHECK(stage.removed(9.5, 11.5) > 20);
    CHECK(stage.level(stage.left, 7, 9) > stage.level(stage.left, 5, 7) + 20);
    CHECK(stage.remover.search().found());
    CHECK(std::abs(static_cast<double>(stage.remover.search().delay()) / kMillisecond - delay) < 1);
    CHECK(stage.remover.moves() == (delay > 100 ? 1 : 0));
    CHECK(stage.learned_s < 3.5);  // until then nothing of it counts as a person
  }
}

TEST_CASE("a loudspeaker that becomes late is followed; what it says meanwhile is nobody's") {
  const auto far = test::babble(6, -20, 1);
  Stage stage;
  test::EchoRoom cable({.delay_ms = 20, .attenuation_db = 10, .tail_ms = 80});
  test::EchoRoom wireless({.delay_ms = 300, .attenuation_db = 10, .tail_ms = 80});
  stage.run(far, {}, cable);
  CHECK(stage.remover.moves() == 0);
  stage.run(far, {}, wireless);
  CHECK(stage.remover.moves() == 1);
  CHECK(stage.removed(9.9, 11.9) > 20);
  stage.run(far, {}, cable);
  CHECK(stage.remover.moves() == 2);
  CHECK(stage.remover.shift() == 0);
  CHECK(stage.removed(15.9, 17.9) > 20);
}

TEST_CASE("behind another player the canceller has to show again that it knows the room") {
  const auto far = test::babble(4, -20, 1);
  Stage stage;
  test::EchoRoom room({.delay_ms = 20, .attenuation_db = 10, .tail_ms = 80});
  stage.run(far, {}, room);
  REQUIRE(!stage.remover.is_learning());
  stage.remover.unlearn();
  CHECK(stage.remover.is_learning());
  const double before = static_cast<double>(stage.heard.size()) / kRate;
  stage.run(far, {}, room);
  CHECK(stage.learned_s - before < 0.6);  // it does
}

}  // namespace
}  // namespace prot::capture
