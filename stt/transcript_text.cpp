#include "transcript_text.hpp"

#include <algorithm>
#include <vector>

#include "base/utf8.hpp"

namespace prot::stt {
namespace {

constexpr std::size_t kLongPhrase = 6;  // words
constexpr std::size_t kLongestPhrase = 20;

constexpr std::size_t repeats_of(std::size_t length) noexcept { return length < kLongPhrase ? 4 : 3; }

struct Bracket {
  std::string_view open;
  std::string_view close;
};
constexpr Bracket kBrackets[] = {{"[", "]"}, {"(", ")"}, {"*", "*"}, {"♪", "♪"}, {"（", "）"}, {"【", "】"}};

// The text without what stands in brackets; a bracket that never closes takes only itself.
std::string without_marks(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto* bracket = std::find_if(std::begin(kBrackets), std::end(kBrackets),
                                       [&](const Bracket& b) { return text.starts_with(b.open); });
    if (bracket == std::end(kBrackets)) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(bracket->open.size());
    const std::size_t close = text.find(bracket->close);
    if (close != std::string_view::npos) text.remove_prefix(close + bracket->close.size());
    out += ' ';
  }
  return out;
}

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !is_space(text[i])) continue;
    if (i > begin) words.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return words;
}

bool says_something(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  });
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

}  // namespace

std::string clean_transcript(std::string_view raw) {
  const std::string plain = without_marks(utf8::sanitized(raw.substr(0, kMostTranscript)));
  std::string text = joined(words_of(plain));
  return says_something(text) ? text : std::string();
}

std::string without_loops(std::string_view text) {
  std::vector<std::string_view> words = words_of(text);
  for (std::size_t length = 1; length <= kLongestPhrase; ++length) {
    const std::size_t least = length * repeats_of(length);
    for (std::size_t begin = 0; begin + least <= words.size(); ++begin) {
      std::size_t end = begin + length;
      while (end < words.size() && words[end] == words[end - length]) ++end;
      if (end - begin < least) continue;
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(begin + length),
                  words.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }
  return joined(words);
}

}  // namespace prot::stt
