#include "capture/delay_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/support/echo_room.hpp"

namespace prot::capture {
namespace {

constexpr Nanos kStart = 1000 * kSecond;
constexpr Nanos kTick = kSecond / wire::kMicRate;

/// A loudspeaker and a microphone on one clock, block by block.
struct Scene {
  FarEnd far;
  DelaySearch search;
  Nanos now = kStart;

  /// `far_sound` through `room`, with `near` over it. Seconds until the search found a delay; -1: none.
  double pass(std::span<const std::int16_t> far_sound, std::span<const std::int16_t> near,
              test::EchoRoom& room) {
    const Nanos began = now;
    double found = -1;
    std::size_t played = 0;
    for (std::size_t at = 0; at + kEchoBlock <= far_sound.size(); at += kEchoBlock) {
      for (; played < at + 800 && played + kEchoBlock <= far_sound.size(); played += kEchoBlock)
        far.play(std::as_bytes(far_sound.subspan(played, kEchoBlock)), wire::kMicRate,
                 began + static_cast<Nanos>(played) * kTick, false);
      std::array<std::int16_t, kEchoBlock> block;
      room.hear(far_sound.subspan(at, kEchoBlock),
                at < near.size() ? near.subspan(at, std::min(kEchoBlock, near.size() - at)) : near.first(0),
                block);
      const bool agreed = search.hear(block, FarEnd::index_of(now), far);
      now += static_cast<Nanos>(kEchoBlock) * kTick;
      if (agreed && found < 0) found = static_cast<double>(now - began) / kSecond;
    }
    return found;
  }
  [[nodiscard]] double ms() const { return static_cast<double>(search.delay()) / kMillisecond; }
};

TEST_CASE("the delay is found within two seconds, also while a person speaks") {
  const auto far = test::babble(3, -20, 1);
  const auto person = test::babble(3, -26, 7);
  for (const double delay : {0.0, 60.0, 150.0, 250.0, 400.0, 500.0}) {
    for (const double attenuation : {6.0, 20.0}) {
      for (const bool talk : {false, true}) {
        if (talk && attenuation > 10) continue;  // the person is fifteen times as strong as the echo then
        CAPTURE(delay);
        CAPTURE(attenuation);
        CAPTURE(talk);
        Scene scene;
        test::EchoRoom room({.delay_ms = delay, .attenuation_db = attenuation, .tail_ms = 40});
        const double found = scene.pass(far, talk ? person : std::span<const std::int16_t>{}, room);
        CHECK(found > 0);
        CHECK(found < 2);
        CHECK(std::abs(scene.ms() - delay) < 1);
      }
    }
  }
}

TEST_CASE("a person louder than the echo delays what is found, and does not change it") {
  Scene scene;
  test::EchoRoom room({.delay_ms = 250, .attenuation_db = 20, .tail_ms = 40});
  CHECK(scene.pass(test::babble(8, -20, 1), test::babble(8, -26, 7), room) > 0);
  CHECK(std::abs(scene.ms() - 250) < 1);
}

TEST_CASE("who wears headphones, or is deaf, has no delay") {
  Scene scene;
  test::EchoRoom room({.attenuation_db = 120});
  CHECK(scene.pass(test::babble(10, -20, 1), test::babble(10, -23, 7), room) < 0);
  CHECK(!scene.search.found());
  Scene silent;
  test::EchoRoom dead({.attenuation_db = 200, .noise_db = -200});
  CHECK(silent.pass(test::babble(5, -20, 1), {}, dead) < 0);
}

TEST_CASE("nothing is looked for while prot is silent") {
  Scene scene;
  test::EchoRoom room({.delay_ms = 100});
  const std::vector<std::int16_t> silence(5 * wire::kMicRate);
  CHECK(scene.pass(silence, test::babble(5, -23, 7), room) < 0);
  CHECK(scene.search.prominence() == 0);
}

TEST_CASE("another delay is found, over a pause and in the middle of a reply") {
  Scene scene;
  test::EchoRoom near_room({.delay_ms = 30, .tail_ms = 40});
  test::EchoRoom far_room({.delay_ms = 330, .tail_ms = 40});
  CHECK(scene.pass(test::babble(4, -20, 1), {}, near_room) > 0);
  CHECK(std::abs(scene.ms() - 30) < 1);
  (void)scene.pass(test::babble(4, -20, 2), {}, far_room);
  CHECK(std::abs(scene.ms() - 330) < 1);
  scene.now += 3 * kSecond + kMillisecond / 3;
  (void)scene.pass(test::babble(4, -20, 3), {}, near_room);
  CHECK(std::abs(scene.ms() - 30) < 1);
  scene.search.reset();
  CHECK(!scene.search.found());
}

}  // namespace
}  // namespace prot::capture
