#include "turn_ending.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace prot::stt {
namespace {

using wire::Ending;
using Words = std::vector<std::string>;

constexpr auto kNeverLast = std::to_array<std::string_view>(
    {"a",     "an",   "the",   "my",     "your",    "our",   "their", "its",    "and",   "or",   "but",
     "nor",   "if",   "when",  "while",  "because", "since", "until", "unless", "than",  "of",   "from",
     "for",   "with", "at",    "into",   "between", "every", "that",  "which",  "whose", "we",   "they",
     "he",    "she",  "i",     "is",     "are",     "was",   "were",  "been",   "has",   "have", "will",
     "would", "can",  "could", "should", "very",    "um",    "uh",    "er",     "so",    "as",   "to"});
// At the end of a question they may be all: "What is it for?"
constexpr auto kLastInQuestions =
    std::to_array<std::string_view>({"of", "from", "for", "with", "at", "to", "that", "is", "are", "was",
                                     "were", "have", "has", "can", "so"});
constexpr auto kSubordinate =
    std::to_array<std::string_view>({"if", "when", "since", "although", "though", "because", "before",
                                     "after", "while", "once", "unless", "until", "whenever", "as"});
constexpr auto kQuestion = std::to_array<std::string_view>(
    {"who", "what", "where", "why", "how", "which", "whose", "what's", "who's", "where's", "how's"});
constexpr auto kAuxiliary = std::to_array<std::string_view>(
    {"is",     "are",   "was",     "were",   "do",    "does",     "did",  "can", "could",
     "will",   "would", "should",  "shall",  "may",   "has",      "have", "am",  "isn't",
     "aren't", "don't", "doesn't", "didn't", "can't", "couldn't", "won't"});

constexpr auto kConnectives = std::to_array<std::string_view>(
    {"고",   "데",   "면", "지만", "서",   "자마자", "려고", "거나", "든지", "도록", "느라", "다가",
     "더니", "니까", "은", "는",   "이",   "가",     "을",   "를",   "의",   "에",   "한테", "에게",
     "와",   "과",   "로", "도",   "까지", "부터",   "보다", "처럼", "랑",   "때"});
constexpr auto kAlone = std::to_array<std::string_view>(
    {"그", "저", "이", "음", "어", "그리고", "그래서", "하지만", "그런데", "근데", "그러면", "만약", "혹시"});
constexpr auto kFinals =
    std::to_array<std::string_view>({"요", "다", "까", "죠", "줘", "냐", "자", "라", "네", "지"});

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}
template <std::size_t N>
bool ends_in(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view end) { return word.ends_with(end); });
}

constexpr bool is_mark(char c) { return std::string_view(".,!?;:\"()-~").find(c) != std::string_view::npos; }

Words words_of(std::string_view text) {
  Words words(1);
  for (const char c : text) {
    if (c == ' ') {
      if (!words.back().empty()) words.emplace_back();
    } else if (!is_mark(c)) {
      words.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

/// The last of its UTF-8 characters as a Hangul syllable; 0: it is none.
char32_t last_syllable(std::string_view word) {
  if (word.size() < 3) return 0;
  const auto byte = [&](std::size_t back) {
    return static_cast<char32_t>(static_cast<unsigned char>(word[word.size() - back]));
  };
  if (byte(3) >> 4U != 0xE) return 0;
  const char32_t code = (byte(3) & 0xFU) << 12U | (byte(2) & 0x3FU) << 6U | (byte(1) & 0x3FU);
  return code >= 0xAC00 && code <= 0xD7A3 ? code : 0;
}

Ending korean(const Words& words, bool asks) {
  constexpr std::string_view kReason = "니까";  // "because", but "-ㅂ니까" asks
  constexpr char32_t kFinalB = 17;
  const std::string_view last = words.back();
  if (is_in(kAlone, last)) return Ending::kGoesOn;
  if (last.ends_with(kReason)) {
    const char32_t before = last_syllable(last.substr(0, last.size() - kReason.size()));
    return before != 0 && (before - 0xAC00) % 28 == kFinalB ? Ending::kComplete : Ending::kGoesOn;
  }
  if (last.ends_with("자마자")) return Ending::kGoesOn;
  if (ends_in(kFinals, last)) return Ending::kComplete;
  if (asks) return Ending::kComplete;
  // A word by itself is an answer: "사과" is an apple, not "사 and".
  return words.size() > 1 && ends_in(kConnectives, last) ? Ending::kGoesOn : Ending::kUnknown;
}

Ending english(const Words& words, std::string_view text) {
  const std::string_view first = words.front();
  const std::string_view second = words.size() > 1 ? std::string_view(words[1]) : std::string_view();
  const std::string_view last = words.back();
  const bool when_asks = first == "when" && is_in(kAuxiliary, second);
  const bool asks = is_in(kQuestion, first) || when_asks;
  const bool question = asks || is_in(kAuxiliary, first);
  if (words.size() > 1 && is_in(kNeverLast, last))
    return asks && is_in(kLastInQuestions, last) ? Ending::kUnknown : Ending::kGoesOn;
  if (last == "in" || last == "on") return Ending::kUnknown;
  constexpr std::size_t kWholeSentence = 13;  // words: the main clause must be in there
  const bool waits = is_in(kSubordinate, first) && !when_asks && words.size() < kWholeSentence;
  if (waits && text.find(',') == std::string_view::npos) return Ending::kGoesOn;
  if (last == "please" || last == "thanks") return Ending::kComplete;
  return text.ends_with('?') || (question && words.size() > 2) ? Ending::kComplete : Ending::kUnknown;
}

}  // namespace

Ending ending_of(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  const Words words = words_of(text);
  if (words.empty()) return Ending::kUnknown;
  if (text.ends_with(',') || text.ends_with("...") || text.ends_with("\u2026") || text.ends_with('-'))
    return Ending::kGoesOn;
  return last_syllable(words.back()) != 0 ? korean(words, text.ends_with('?')) : english(words, text);
}

}  // namespace prot::stt
