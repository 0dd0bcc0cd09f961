#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/utf8.hpp"

namespace prot::text {

/// Where a text may be cut. Widths count a Hangul or CJK code point as 2, any other as 1.
struct SplitterOptions {
  std::size_t first_clause_width = 12;       // the first segment may end at a comma from here on,
  std::size_t first_conjunction_width = 32;  // and before "but", "because", ... from here on
  std::size_t later_clause_width = 160;      // a later segment may end at a comma from here on
  std::size_t max_code_points = 2000;        // no segment is longer
};

/// Cuts a text that arrives piece by piece into segments to be spoken one by one.
/// The first segment comes early, at a clause; the others are sentences. A segment ends where the next one's
/// first visible character is known, so white space belongs to the segment before it. Never cut: 3.14, "1.",
/// "2024. 5. 1.", URLs, ellipses, abbreviations (Dr., e.g., U.S.), inside ``` fences, inside what is one
/// character to a person (a letter with its marks, a family of emoji, a flag). Not thread-safe. Invariants:
/// the segments joined are the text (bytes that are not UTF-8 as U+FFFD); the same text gives the same
/// segments, however it was divided into pushes.
class SentenceSplitter {
 public:
  explicit SentenceSplitter(SplitterOptions options = {});

  /// The segments that are complete now, in order.
  [[nodiscard]] std::vector<std::string> push(std::string_view delta);
  /// End of text: the rest (nothing, or one segment). The splitter is then as new.
  [[nodiscard]] std::vector<std::string> flush();

 private:
  /// What may happen before the next visible character.
  enum class Cut {
    kNone,
    kSentence,     // cut, unless a lower-case letter goes on
    kUnlessDigit,  // cut, unless a digit goes on: a number, "No.", a comma
    kAlways
  };

  void take(char32_t code_point, std::vector<std::string>& out);
  void cut_full(bool border, std::vector<std::string>& out);
  [[nodiscard]] bool begins_character(char32_t code_point);
  [[nodiscard]] bool follows_korean_stop(char32_t code_point) const;
  void track_fence(char32_t code_point);
  void end_word(std::vector<std::string>& out);
  [[nodiscard]] Cut cut_after(const std::u32string& word) const;
  [[nodiscard]] bool cuts_before(char32_t next) const;
  void emit(std::size_t bytes, std::vector<std::string>& out);

  SplitterOptions options_;
  Utf8Assembler assembler_;
  std::string segment_;                // not emitted yet
  std::size_t code_points_ = 0;        // of segment_
  std::size_t width_ = 0;              // of segment_
  std::size_t width_before_word_ = 0;  // of segment_ up to word_start_
  std::size_t word_start_ = 0;         // byte offset of the word being read
  std::size_t space_end_ = 0;          // byte offset after the last white space
  std::size_t character_start_ = 0;    // byte offset of the newest character, as people see it
  char32_t last_ = 0;                  // the code point taken last
  int break_state_ = 0;                // of the search for characters
  bool first_ = true;                  // nothing emitted yet
  bool has_letter_ = false;            // segment_ has more than marks and digits
  bool after_number_ = false;          // the word before was "12.": a date or a list goes on
  bool line_start_ = true;             // the word being read is the first of its line
  bool in_space_ = true;
  bool full_stop_ = false;  // the last character was a full-width stop: no white space need follow
  bool in_fence_ = false;
  unsigned backticks_ = 0;
  Cut pending_ = Cut::kNone;
};

/// Whether a segment of a splitter ends where a sentence, or a line, does; else the next one goes on with it.
[[nodiscard]] bool ends_sentence(std::string_view segment) noexcept;

}  // namespace prot::text
