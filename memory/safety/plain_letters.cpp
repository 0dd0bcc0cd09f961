#include "safety/plain_letters.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.hpp"
#include "text/code_points.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {

constexpr std::array kInvisible = std::to_array<std::pair<char32_t, char32_t>>({{0x00, 0x1F},
                                                                                {0x7F, 0x9F},
                                                                                {0xAD, 0xAD},
                                                                                {0x34F, 0x34F},
                                                                                {0x61C, 0x61C},
                                                                                {0x115F, 0x1160},
                                                                                {0x17B4, 0x17B5},
                                                                                {0x180B, 0x180F},
                                                                                {0x200B, 0x200F},
                                                                                {0x2028, 0x202E},
                                                                                {0x2060, 0x206F},
                                                                                {0x3164, 0x3164},
                                                                                {0xFE00, 0xFE0D},
                                                                                {0xFEFF, 0xFEFF},
                                                                                {0xFFA0, 0xFFA0},
                                                                                {0xFFF0, 0xFFFB},
                                                                                {0x1D173, 0x1D17A},
                                                                                {0xE0000, 0xE0FFF}});

constexpr char32_t kSyllables = 0xAC00, kLastSyllable = 0xD7A3;
constexpr char32_t kInitials = 0x1100, kLastInitial = 0x1112;
constexpr char32_t kVowels = 0x1161, kLastVowel = 0x1175;
constexpr char32_t kFinalsOfSyllable = 28;
/// The final consonant that is the same letter as an initial one; 0: none is.
constexpr std::array<unsigned char, 19> kFinals = {1,  2,  4,  7, 0,  8,  16, 17, 0, 19,
                                                   20, 21, 22, 0, 23, 24, 25, 26, 27};

bool is_open(char32_t c) {
  return c >= kSyllables && c <= kLastSyllable && (c - kSyllables) % kFinalsOfSyllable == 0;
}
bool is_initial(char32_t c) { return c >= kInitials && c <= kLastInitial; }
bool is_vowel(char32_t c) { return c >= kVowels && c <= kLastVowel; }

}  // namespace

std::string storable_text(std::string_view text) {
  std::string out = utf8::sanitized(text);
  std::erase(out, '\0');
  return out;
}

bool is_invisible(char32_t c) noexcept {
  return std::any_of(kInvisible.begin(), kInvisible.end(),
                     [&](const auto& range) { return c >= range.first && c <= range.second; });
}

std::string visible(std::string_view text) {
  std::string out;
  for (const char32_t c : text::code_points(text)) {
    if (c < 0x20) {
      out += ' ';
    } else if (!is_invisible(c)) {
      utf8::append(out, c);
    }
  }
  return out;
}

std::string plain_letters(std::string_view text) {
  // Normalising makes syllables of letters, but knows only initial consonants among those that stand apart.
  const std::u32string points = text::code_points(text::without_accents(visible(text)));
  std::u32string joined;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const char32_t c = points[i];
    const bool begins_next = i + 1 < points.size() && is_vowel(points[i + 1]);
    const unsigned char final_consonant = is_initial(c) ? kFinals[c - kInitials] : 0;
    if (final_consonant != 0 && !begins_next && !joined.empty() && is_open(joined.back())) {
      joined.back() += final_consonant;
    } else {
      joined += c;
    }
  }
  std::string out;
  for (const char32_t c : joined) utf8::append(out, c);
  return out;
}

std::string closed_letters(std::string_view plain) {
  std::string out;
  for (const char32_t c : text::code_points(plain)) {
    const bool letter =
        c >= 0x80 ? c < 0x2000 || c >= 0x3040 : (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter && c != 0x3000 && (c < 0xFF00 || c > 0xFF0F)) utf8::append(out, c);
  }
  return out;
}

bool has_closed_phrase(std::string_view closed) {
  constexpr std::array kPhrases = std::to_array<std::string_view>({"ignoreallprevious",
                                                                   "ignorepreviousinstruction",
                                                                   "ignorealltheprevious",
                                                                   "disregardallprevious",
                                                                   "disregardprevious",
                                                                   "forgetallprevious",
                                                                   "previousinstructions",
                                                                   "systemprompt",
                                                                   "developermode",
                                                                   "overridesafety",
                                                                   "지시를무시",
                                                                   "지시는무시",
                                                                   "지시무시",
                                                                   "명령을무시",
                                                                   "규칙을무시",
                                                                   "규칙은무시",
                                                                   "시스템프롬프트",
                                                                   "개발자모드",
                                                                   "관리자모드",
                                                                   "忽略之前",
                                                                   "忽略所有",
                                                                   "忽略以上",
                                                                   "无视之前",
                                                                   "忘记之前",
                                                                   "指示を無視",
                                                                   "命令を無視",
                                                                   "ルールを無視",
                                                                   "これまての指示",
                                                                   "ignoralasinstrucciones",
                                                                   "ignoratodaslasinstrucciones",
                                                                   "ignoretouteslesinstructions",
                                                                   "ignorezlesinstructions",
                                                                   "ignoreztouteslesinstructions",
                                                                   "ignorierealle",
                                                                   "ignorieredie",
                                                                   "ignorierdie",
                                                                   "игнорируивсе",
                                                                   "игнорируипредыдущие",
                                                                   "забудьвсе"});
  return std::any_of(kPhrases.begin(), kPhrases.end(),
                     [&](std::string_view phrase) { return closed.find(phrase) != std::string::npos; });
}

}  // namespace prot::memory
