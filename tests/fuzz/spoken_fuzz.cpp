// Any text as a voice reads it aloud: the spoken form covers the text, and the way back stays within it. The
// person's file of pronunciations stands before "====", where there is one.
#include <vector>

#include "tests/fuzz/fuzz_support.hpp"
#include "tts/clauses.hpp"
#include "tts/pronunciations.hpp"
#include "tts/spoken_form.hpp"

using namespace prot;
using namespace prot::fuzz;
using tts::SpokenForm;

namespace {

void check_form(std::string_view source, const SpokenForm& form) {
  require(utf8::is_valid(form.text), "what is spoken is text");
  require(form.text.size() <= 1000 + 200 * source.size(), "what is spoken is bounded");
  std::size_t at = 0;
  std::size_t spoken = 0;
  for (const SpokenForm::Piece& piece : form.pieces) {
    require(piece.source_end >= at && piece.spoken_end >= spoken, "pieces are in order");
    require(piece.source_end <= source.size() && piece.spoken_end <= form.text.size(),
            "pieces are within the texts");
    if (piece.copied)
      require(source.substr(at, piece.source_end - at) ==
                  std::string_view(form.text).substr(spoken, piece.spoken_end - spoken),
              "a copied piece is the same");
    at = piece.source_end;
    spoken = piece.spoken_end;
  }
  require(at == source.size() && spoken == form.text.size(), "pieces cover both texts");
}

void check_way_back(std::string_view source, const SpokenForm& form) {
  std::vector<wire::AlignPoint> points;
  std::size_t last = 0;
  for (std::size_t byte = 0; byte <= form.text.size(); ++byte) {
    const std::size_t found = form.source_at(source, byte);
    require(found <= source.size() && found >= last, "the way back rises and stays within the text");
    last = found;
    if (byte % 5 == 4)
      points.push_back({static_cast<std::uint32_t>(byte), static_cast<std::uint32_t>(byte * 10)});
  }
  std::uint32_t byte = 0;
  std::uint32_t sample = 0;
  for (const wire::AlignPoint& point : form.to_source(source, points, 0)) {
    require(point.byte >= byte && point.sample >= sample && point.byte <= source.size(), "alignment rises");
    byte = point.byte;
    sample = point.sample;
  }
}

void check_clauses(std::string_view text) {
  std::size_t end = 0;
  for (const tts::Word& word : tts::split_words(text)) {
    require(word.end_byte > end && word.end_byte <= text.size() && !word.text.empty(), "words are in order");
    require(text.substr(0, word.end_byte).ends_with(word.text), "a word ends where it ends");
    end = word.end_byte;
  }
  end = 0;
  for (const tts::Clause& clause : tts::split_clauses(text)) {
    require(!clause.words.empty(), "a clause has words");
    for (const tts::Word& word : clause.words) {
      require(word.end_byte > end && word.end_byte <= text.size(), "words of clauses are in order");
      end = word.end_byte;
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  std::vector<std::string> problems;
  const auto pronunciations = tts::Pronunciations::parse(halves.first, "words", problems);
  for (const std::string& problem : problems)
    require(problem.starts_with("words:"), "a problem has its place");
  for (const char* language : {"en", "ko"}) {
    const SpokenForm form = tts::spoken_form(halves.second, language, pronunciations);
    check_form(halves.second, form);
    check_way_back(halves.second, form);
    check_clauses(form.text);
  }
  return 0;
}
