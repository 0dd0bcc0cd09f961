#include <algorithm>
#include <cstddef>

#include "base/utf8.hpp"
#include "recall/block.hpp"
#include "text/utf8.hpp"

/// How many tokens a model reads in a line. Their tokenizers take words with the space before them, marks and
/// digits apart, and break a word where it is rare: names first.
namespace prot::memory {
namespace {

enum class Class { kSpace, kDigit, kLower, kUpper, kMark, kWide, kEmoji, kAlphabet, kOther };

bool between(char32_t c, char32_t first, char32_t last) noexcept { return c >= first && c <= last; }

Class class_of(char32_t c) noexcept {
  if (c == U' ' || c == U'\n' || c == U'\t') return Class::kSpace;
  if (between(c, U'0', U'9')) return Class::kDigit;
  if (between(c, U'a', U'z')) return Class::kLower;
  if (between(c, U'A', U'Z')) return Class::kUpper;
  if (c < 0x80) return Class::kMark;
  if (between(c, 0x370, 0x52F)) return Class::kAlphabet;  // Greek, Cyrillic: some pairs are one token
  if (text::is_hangul(c)) return Class::kWide;
  if (between(c, 0x1F000, 0x1FAFF) || between(c, 0x2600, 0x27BF)) return Class::kEmoji;
  return Class::kOther;  // a letter with an accent ends a token; other scripts have one each, or more
}

/// Of a run of ASCII letters.
std::size_t word_tokens(std::size_t letters, std::size_t capitals, bool capital_first) noexcept {
  if (letters == 0) return 0;
  if (capitals > 1) return (letters + 2) / 2;                  // an abbreviation
  if (capital_first && letters > 1) return (letters + 3) / 4;  // a name, if not the first word
  return letters <= 9 ? 1 : letters <= 14 ? 2 : (letters + 4) / 5;
}

class Counter {
 public:
  void add(char32_t c) noexcept {
    const Class kind = class_of(c);
    if (kind == Class::kLower || kind == Class::kUpper) {
      if (letters_ == 0) capital_first_ = kind == Class::kUpper;
      capitals_ += kind == Class::kUpper ? 1 : 0;
      ++letters_;
      after_space_ = false;
      return;
    }
    end_word();
    // "I'm", "don't": the mark and what follows are one.
    contraction_ = c == U'\'' && had_word_;
    tag_ = c == U'#';
    had_word_ = false;
    switch (kind) {
      case Class::kDigit:
        halves_ += after_space_ ? 4 : 2;  // the space before it stands alone
        break;
      case Class::kMark:
        halves_ += 2;
        break;
      case Class::kOther:
        halves_ += 3;
        break;
      case Class::kWide:
        wide_ += between(c, 0x3130, 0x318F) ? 2 : 1;  // letters that make no syllable are rare
        break;
      case Class::kEmoji:
        halves_ += 6;
        break;
      case Class::kAlphabet:
        halves_ += 2;
        break;
      case Class::kSpace:
      case Class::kLower:
      case Class::kUpper:
        break;
    }
    after_space_ = kind == Class::kSpace;
  }
  [[nodiscard]] std::size_t tokens() noexcept {
    end_word();
    return (halves_ + 1) / 2 + wide_ + (wide_ + 7) / 8;  // some syllables are two or three
  }

 private:
  void end_word() noexcept {
    if (letters_ == 0) return;
    if (tag_)
      halves_ += 2 * letters_;  // of letters without a sense
    else if (!(contraction_ && letters_ <= 2))
      halves_ += 2 * word_tokens(letters_, capitals_, capital_first_);
    had_word_ = true;
    contraction_ = tag_ = false;
    letters_ = capitals_ = 0;
  }

  std::size_t halves_ = 0;
  std::size_t wide_ = 0;
  std::size_t letters_ = 0;
  std::size_t capitals_ = 0;
  bool capital_first_ = false;
  bool had_word_ = false;  // right before
  bool contraction_ = false;
  bool tag_ = false;
  bool after_space_ = false;
};

}  // namespace

std::size_t block_tokens(std::string_view line) noexcept {
  Counter counter;
  while (!line.empty()) {
    const utf8::Decoded next = utf8::decode(line);
    counter.add(next.code_point);
    line.remove_prefix(next.length);
  }
  return counter.tokens();
}

}  // namespace prot::memory
