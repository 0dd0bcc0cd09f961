// Samples without times: what is made of bytes that are split anywhere, and where words are taken to end.
#include "tts/voices/paced_take.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "service_bench.hpp"
#include "tts/voices/wav_stream.hpp"

namespace prot::tts::test {
namespace {

constexpr const char* kText = "The capital of France is Paris, of course.";

/// All pieces of a take: its alignment must be in front of its samples, and within them.
Spoken collect(std::deque<Piece>& pieces) {
  Spoken spoken;
  for (Piece& piece : pieces) {
    for (const wire::AlignPoint& point : piece.alignment)
      if (point.byte < std::string_view(kText).size()) CHECK(point.sample >= spoken.samples.size());
    ServiceBench::take(spoken, piece);
    if (piece.kind == Piece::Kind::kSamples && !spoken.alignment.empty())
      CHECK(spoken.alignment.back().sample <= spoken.samples.size());
  }
  return spoken;
}

std::string wav(const std::string& data, std::uint32_t rate, unsigned channels,
                std::uint32_t size = 0xFFFFFFFF) {
  const auto number = [](std::uint32_t value, unsigned bytes) {
    std::string out;
    for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 255U));
    return out;
  };
  return "RIFF" + number(size, 4) + "WAVELIST" + number(3, 4) + "abc" + std::string(1, '\0') + "fmt " +
         number(16, 4) + number(1, 2) + number(channels, 2) + number(rate, 4) +
         number(rate * 2 * channels, 4) + number(2 * channels, 2) + number(16, 2) + "data" + number(size, 4) +
         data;
}

}  // namespace

TEST_CASE("bytes that are split anywhere are the same samples, and words rise to the sound's end") {
  const std::string bytes = sound(80'000);
  for (const std::size_t piece : {1UL, 3UL, 7UL, 1001UL, 160'000UL}) {
    Pace pace;
    PacedTake take(kText, kSecond, pace);
    REQUIRE(take.set_format(24'000, 1));
    std::deque<Piece> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      take.take(std::string_view(bytes).substr(at, piece), 2 * kSecond, pieces);
    take.finish(pieces);
    const Spoken spoken = collect(pieces);
    CHECK(done(spoken));
    CHECK(spoken.samples == samples_of(80'000));
    CHECK(is_sound(spoken, std::string_view(kText).size()));
    CHECK(spoken.alignment.size() == 8);
    CHECK(spoken.alignment.back().sample == 80'000);
    CHECK(spoken.end.began_ns == kSecond);
    CHECK(spoken.end.first_audio_ns == 2 * kSecond);
  }
}

TEST_CASE("both channels of a stereo sound are mixed; other forms are refused") {
  Pace pace;
  PacedTake take("Hi", 0, pace);
  CHECK_FALSE(take.set_format(24'000, 3));
  CHECK_FALSE(take.set_format(100, 1));
  CHECK_FALSE(take.set_format(0, 1));
  CHECK_FALSE(take.set_format(400'000, 1));
  REQUIRE(take.set_format(16'000, 2));
  std::deque<Piece> pieces;
  take.take({"\x10\x00\x20\x00\x01", 5}, 1, pieces);
  take.take({"\x00\x03\x00", 3}, 1, pieces);
  const Spoken spoken = collect(pieces);
  CHECK(spoken.samples == std::vector<std::int16_t>{0x18, 2});
}

TEST_CASE("a voice's pace is learned, within what is speech") {
  Pace pace;
  const double before = pace.seconds();
  for (int i = 0; i < 20; ++i) pace.learn(100, 10);
  CHECK(pace.seconds() == doctest::Approx(0.1).epsilon(0.01));
  for (int i = 0; i < 40; ++i) pace.learn(100, 1'000);
  CHECK(pace.seconds() <= 0.2);
  for (int i = 0; i < 40; ++i) pace.learn(100, 0);
  CHECK(pace.seconds() >= 0.015);
  Pace fresh;
  fresh.learn(3, 10);
  CHECK(fresh.seconds() == before);
}

TEST_CASE("a WAV file that comes piece by piece says its format, whatever its sizes say") {
  for (const std::uint32_t size : {0U, 0xFFFFFFFFU, 8U}) {
    const std::string bytes = wav("\x01\x02\x03\x04", 22'050, 2, size);
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
      WavHead head;
      std::string samples;
      bool begun = false;
      for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const std::string_view part = std::string_view(bytes).substr(at, piece);
        if (begun) {
          samples += part;
        } else if (const std::optional<std::string> first = head.push(part)) {
          begun = true;
          samples = *first;
        }
      }
      REQUIRE(begun);
      CHECK(samples == "\x01\x02\x03\x04");
      CHECK(head.format().rate == 22'050);
      CHECK(head.format().channels == 2);
      CHECK(head.format().bits == 16);
    }
  }
}

TEST_CASE("what is no WAV file of samples is told at once") {
  std::string compressed = wav("", 16'000, 1);
  compressed[compressed.find("fmt ") + 8] = 85;  // MP3
  const std::string endless = "RIFF1234WAVEjunk" + std::string("\xff\xff\xff\x7f");
  const std::string no_format = "RIFF1234WAVEdata" + std::string(4, '\0');
  for (const std::string& wrong : {std::string("{\"error\""), std::string("RIFX"),
                                   std::string("RIFF1234AVI "), compressed, endless, no_format}) {
    CAPTURE(wrong);
    WavHead head;
    CHECK_THROWS_AS((void)head.push(wrong), Error);
  }
  WavHead head;
  CHECK_FALSE(head.push("RI").has_value());
}

}  // namespace prot::tts::test
