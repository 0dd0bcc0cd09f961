#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace prot::tts {

/// A word with its end in the text, punctuation included: "Hello," of "Hello, you" ends at byte 6.
struct Word {
  std::string text;
  std::size_t end_byte = 0;
};

/// What is spoken in one breath, up to a punctuation mark.
struct Clause {
  std::string text;         // words with single spaces, without the mark
  char mark = 0;            // one of , ; : . ! ?  0: none
  std::vector<Word> words;  // as written
};

/// Words of a text: runs between white space.
[[nodiscard]] std::vector<Word> split_words(std::string_view text);

/// Splits English text into clauses at punctuation that is followed by a space or the end. "3.14", "10:30",
/// "o'clock" and "U.S." stay whole; "Dr." and the like are written out, because a voice would stop there.
/// Clauses without a letter or digit are left out.
[[nodiscard]] std::vector<Clause> split_clauses(std::string_view text);

/// Ends a sentence, so a pause follows.
[[nodiscard]] constexpr bool is_sentence_mark(char mark) noexcept {
  return mark == '.' || mark == '!' || mark == '?';
}

}  // namespace prot::tts
