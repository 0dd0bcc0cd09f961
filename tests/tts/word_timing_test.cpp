#include "tts/word_timing.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace prot::tts {

TEST_CASE("silence at both ends is cut down to what is asked for") {
  std::vector<std::int16_t> samples(1000, 0);
  for (std::size_t i = 400; i < 600; ++i) samples[i] = 5000;
  const Range spoken = trim_silence(samples, 300, 20, 50);
  CHECK(samples.size() == 270);
  CHECK(spoken.begin == 20);
  CHECK(spoken.end == 220);
}

TEST_CASE("a voice that begins at once gets the silence that a dry loudspeaker may swallow") {
  std::vector<std::int16_t> samples(200, 5000);
  samples[0] = samples[1] = 0;
  const Range spoken = trim_silence(samples, 300, 20, 50);
  CHECK(samples.size() == 218);
  CHECK(std::all_of(samples.begin(), samples.begin() + 20, [](std::int16_t s) { return s == 0; }));
  CHECK(spoken.begin == 20);
  CHECK(spoken.end == 218);
}

TEST_CASE("a recording without sound is not kept whole") {
  std::vector<std::int16_t> samples(1000, 10);
  const Range spoken = trim_silence(samples, 300, 20, 50);
  CHECK(samples.size() == 70);
  CHECK(spoken.begin == spoken.end);
}

TEST_CASE("words share the spoken part by their weight, and the last one ends with it") {
  const std::vector<WordWeight> words{{5, 1}, {9, 3}};
  const auto points = align_words(words, {100, 500}, 1000);
  REQUIRE(points.size() == 2);
  CHECK(points[0].byte == 5);
  CHECK(points[0].sample == 1200);
  CHECK(points[1].byte == 9);
  CHECK(points[1].sample == 1500);
  CHECK(align_words({}, {0, 10}, 0).empty());
}

}  // namespace prot::tts
