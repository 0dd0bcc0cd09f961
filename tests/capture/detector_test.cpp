#include <doctest/doctest.h>

#include <array>
#include <random>

#include "base/error.hpp"
#include "capture/voice_detector.hpp"
#include "wire/speech_in.hpp"

namespace prot::capture {
namespace {

std::array<std::int16_t, wire::kMicWindow> noise(std::mt19937& random, int amplitude) {
  std::array<std::int16_t, wire::kMicWindow> window{};
  for (std::int16_t& sample : window)
    sample = static_cast<std::int16_t>(static_cast<int>(random() % static_cast<unsigned>(2 * amplitude)) -
                                       amplitude);
  return window;
}

TEST_CASE("the energy detector tells loud from quiet") {
  const auto detector = make_detector("energy", "");
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) CHECK(detector->probability(noise(random, 60)) < 0.5F);
  for (int i = 0; i < 10; ++i) CHECK(detector->probability(noise(random, 6000)) > 0.5F);
  for (int i = 0; i < 10; ++i) CHECK(detector->probability(noise(random, 60)) < 0.5F);
}

TEST_CASE("the energy detector hears the hundredth word between digital silence") {
  const auto detector = make_detector("energy", "");
  std::mt19937 random(1);
  for (int word = 0; word < 100; ++word) {
    for (int i = 0; i < 25; ++i) REQUIRE(detector->probability(noise(random, 3000)) > 0.5F);
    detector->silence();
  }
}

TEST_CASE("an unknown detector is refused by name") {
  CHECK_THROWS_WITH_AS((void)make_detector("oracle", ""), doctest::Contains("'oracle' is not one of: auto"),
                       UsageError);
}

}  // namespace
}  // namespace prot::capture
