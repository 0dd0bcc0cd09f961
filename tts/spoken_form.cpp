#include "spoken_form.hpp"

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "pronunciations.hpp"
#include "text_scan.hpp"

namespace prot::tts {
namespace {

/// Builds a form from the start of a text to its end.
class Writer {
 public:
  explicit Writer(std::string_view source) : source_(source) {}

  [[nodiscard]] std::string_view before() const { return source_.substr(0, at_); }
  [[nodiscard]] std::string_view rest() const { return source_.substr(at_); }

  void copy(std::size_t bytes) {
    form_.text.append(rest().substr(0, bytes));
    if (!form_.pieces.empty() && form_.pieces.back().copied) form_.pieces.pop_back();
    add(bytes, true);
  }
  // A word in place of signs needs a space where it would touch another: "5G" is "five G".
  void replace(const Reading& reading) {
    if (!form_.text.empty() && scan::is_word(form_.text.back()) && scan::begins_word(reading.spoken))
      form_.text += ' ';
    form_.text += reading.spoken;
    const std::string_view next = rest().substr(reading.bytes);
    const bool touches = !next.empty() && !form_.text.empty() && scan::is_word(form_.text.back());
    if (touches && scan::is_alnum(next.front())) form_.text += ' ';
    add(reading.bytes, false);
  }
  [[nodiscard]] SpokenForm finish() { return std::move(form_); }

 private:
  void add(std::size_t bytes, bool copied) {
    at_ += bytes;
    form_.pieces.push_back({at_, form_.text.size(), copied});
  }

  std::string_view source_;
  std::size_t at_ = 0;
  SpokenForm form_;
};

// A word that no rule knows is taken whole, so that no rule finds a number in "v1.2" or "A4".
std::size_t unknown(std::string_view rest) {
  if (!scan::is_alnum(rest.front())) return utf8::decode(rest).length;
  std::size_t end = 0;
  while (end < rest.size() &&
         (scan::is_alnum(rest[end]) || (rest[end] == '.' && end + 1 < rest.size() &&
                                        scan::is_digit(rest[end - 1]) && scan::is_digit(rest[end + 1]))))
    ++end;
  return end;
}

}  // namespace

SpokenForm spoken_form(std::string_view text, std::string_view language,
                       const Pronunciations& pronunciations) {
  const bool korean = language == "ko";
  Writer writer(text);
  while (!writer.rest().empty()) {
    const std::string_view before = writer.before();
    const std::string_view rest = writer.rest();
    if (const Reading own = pronunciations.find(before, rest, korean))
      writer.replace(own);
    else if (const Reading rule = korean ? read_korean(before, rest) : read_english(before, rest))
      writer.replace(rule);
    else if (const utf8::Decoded next = utf8::decode(rest); !next.valid)
      writer.replace({next.length, ""});
    else
      writer.copy(unknown(rest));
  }
  return writer.finish();
}

std::size_t SpokenForm::source_at(std::string_view source, std::size_t spoken) const {
  std::size_t source_begin = 0;
  std::size_t spoken_begin = 0;
  std::size_t at = 0;
  for (const Piece& piece : pieces) {
    if (piece.spoken_end > spoken) {
      at = piece.copied ? source_begin + (spoken - spoken_begin) : source_begin;
      break;
    }
    at = source_begin = piece.source_end;
    spoken_begin = piece.spoken_end;
  }
  // Within a word: it is not wholly said.
  if (at < source.size() && !scan::is_space(source[at]))
    while (at > 0 && !scan::is_space(source[at - 1])) --at;
  while (at > 0 && scan::is_space(source[at - 1])) --at;
  return at;
}

std::vector<wire::AlignPoint> SpokenForm::to_source(std::string_view source,
                                                    std::span<const wire::AlignPoint> points,
                                                    std::size_t after) const {
  std::vector<wire::AlignPoint> mapped;
  for (const wire::AlignPoint& point : points) {
    const std::size_t byte = source_at(source, std::min<std::size_t>(point.byte, text.size()));
    if (byte <= after) continue;  // only a part of the next word
    mapped.push_back({static_cast<std::uint32_t>(byte), point.sample});
    after = byte;
  }
  return mapped;
}

}  // namespace prot::tts
