// Messages of ElevenLabs' voice, a line each: sound and alignment of a segment come out in order, whatever
// the service says of times. What is spoken stands before "====", where there is one.
#include <deque>

#include "tests/fuzz/fuzz_support.hpp"
#include "tts/voices/elevenlabs_take.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::tts;
using elevenlabs::Chunk;
using elevenlabs::Take;

namespace {

void check(const Chunk& chunk, std::size_t size) {
  require(chunk.audio.size() <= size, "no more sound than bytes");
  require((chunk.error == VoiceError::kNone) == chunk.message.empty(), "an error says what it is");
  require(utf8::is_valid(chunk.message) && utf8::is_valid(chunk.context), "names are text");
  for (const elevenlabs::TimedCharacter& character : chunk.characters)
    require(character.end_ms >= 0 && utf8::is_valid(character.text), "a character ends behind the beginning");
}

void check_pieces(const std::deque<Piece>& pieces, const std::string& text, std::size_t bytes) {
  std::size_t samples = 0;
  std::uint32_t byte = 0;
  std::uint32_t sample = 0;
  for (const Piece& piece : pieces) {
    for (const wire::AlignPoint& point : piece.alignment) {
      require(point.byte >= byte && point.sample >= sample, "alignment rises");
      require(point.byte <= text.size(), "alignment is within the text");
      byte = point.byte;
      sample = point.sample;
    }
    samples += piece.samples.size();
    if (!piece.samples.empty()) require(sample <= samples, "alignment is not beyond the samples");
  }
  require(samples == bytes / 2, "every sample comes once");
  require(!pieces.empty() && pieces.back().kind == Piece::Kind::kDone, "the end comes at last");
}

void speak(std::string_view lines, const std::string& text, Take::Times times) {
  Take take(text, 24'000, times, 1);
  std::deque<Piece> pieces;
  std::size_t bytes = 0;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const Chunk chunk = elevenlabs::parse(line);
    check(chunk, line.size());
    if (chunk.error != VoiceError::kNone) continue;
    bytes += chunk.audio.size();
    take.take(chunk, 2, pieces);
    require(take.has_audio() == (bytes > 1), "there is sound when it came");
    (void)take.complete();
    (void)take.may_be_complete();
  }
  take.finish(pieces);
  check_pieces(pieces, text, bytes);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  const std::string text = utf8::sanitized(halves.first.empty() ? "Hello there, 하늘." : halves.first);
  speak(halves.second, text, Take::Times::kFromChunk);
  speak(halves.second, text, Take::Times::kFromStart);
  (void)elevenlabs::error_of(http::ErrorClass::kAuth, halves.second);
  return 0;
}
