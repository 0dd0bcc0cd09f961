// Sentence splitter: the segments joined are the text, however it came and wherever it was cut.
#include <vector>

#include "tests/fuzz/fuzz_support.hpp"
#include "text/code_points.hpp"
#include "text/sentence_splitter.hpp"
#include "text/speakable.hpp"
#include "utf8proc.h"

using namespace prot;
using namespace prot::fuzz;
using text::SplitterOptions;

namespace {

std::vector<std::string> split(std::string_view bytes, Split how, const SplitterOptions& options) {
  text::SentenceSplitter splitter(options);
  std::vector<std::string> segments;
  const auto add = [&](std::vector<std::string> more) {
    segments.insert(segments.end(), more.begin(), more.end());
  };
  in_pieces(bytes, how, [&](std::string_view piece) { add(splitter.push(piece)); });
  const std::vector<std::string> rest = splitter.flush();
  require(rest.size() <= 2, "what is left at the end is bounded");
  add(rest);
  require(splitter.flush().empty(), "after the end it is as new");
  return segments;
}

/// Byte offsets of `text` at which a character begins, as people see it.
std::vector<bool> character_starts(const std::string& text) {
  std::vector<bool> starts(text.size() + 1, false);
  starts[text.size()] = true;
  char32_t last = 0;
  utf8proc_int32_t state = 0;
  for (std::size_t at = 0; at < text.size();) {
    const utf8::Decoded next = utf8::decode(std::string_view(text).substr(at));
    starts[at] =
        last == 0 || utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(last),
                                                      static_cast<utf8proc_int32_t>(next.code_point), &state);
    last = next.code_point;
    at += next.length;
  }
  return starts;
}

void check(std::string_view bytes, const SplitterOptions& options) {
  const std::vector<std::string> segments = split(bytes, Split::kNone, options);
  require(segments == split(bytes, Split::kBytes, options), "bytes give the same segments");
  require(segments == split(bytes, Split::kAny, options), "pieces give the same segments");
  const std::string whole = utf8::sanitized(bytes);
  const std::vector<bool> starts = character_starts(whole);
  std::string joined;
  for (const std::string& segment : segments) {
    const std::size_t count = text::count_code_points(segment);
    require(!segment.empty() && utf8::is_valid(segment), "a segment is text");
    require(count <= options.max_code_points, "no segment is longer than allowed");
    joined += segment;
    require(joined.size() <= whole.size(), "nothing was added");
    require(starts[joined.size()] || count == options.max_code_points, "no character is cut");
    (void)text::ends_sentence(segment);
    require(utf8::is_valid(text::speakable(segment)), "what is spoken is text");
  }
  require(joined == whole, "the segments joined are the text");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = text_of(data, size);
  check(bytes, {});
  check(bytes, {.first_clause_width = 2,
                .first_conjunction_width = 4,
                .later_clause_width = 8,
                .max_code_points = 24});
  return 0;
}
