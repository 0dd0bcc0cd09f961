#include "clauses.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace prot::tts {
namespace {

constexpr auto kAbbreviations = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"Dr.", "Doctor"},
    {"Mr.", "Mister"},
    {"Mrs.", "Missis"},
    {"Ms.", "Miz"},
    {"Prof.", "Professor"},
    {"St.", "Saint"},
    {"vs.", "versus"},
    {"e.g.", "for example"},
    {"i.e.", "that is"},
    {"etc.", "et cetera"},
    {"approx.", "approximately"},
});

// Typographic marks as the ASCII ones that voices know.
constexpr auto kMarks = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"\u2019", "'"},
    {"\u2018", "'"},
    {"\u201C", "\""},
    {"\u201D", "\""},
    {"\u2026", "."},
    {"\u2014", ","},
    {"\u2013", "-"},
    {"\u3002", "."},
    {"\uFF0C", ","},
    {"\uFF1F", "?"},
    {"\uFF01", "!"},
});

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_mark(char c) noexcept {
  return std::string_view(",;:.!?").find(c) != std::string_view::npos;
}
constexpr bool is_quote(char c) noexcept {
  return std::string_view("\"'()[]{}").find(c) != std::string_view::npos;
}

bool is_spoken(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) {
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

std::string with_plain_marks(std::string_view text) {
  std::string plain(text);
  for (const auto& [mark, ascii] : kMarks)
    for (std::size_t at = plain.find(mark); at != std::string::npos; at = plain.find(mark, at + ascii.size()))
      plain.replace(at, mark.size(), ascii);
  return plain;
}

// "U.S." or "p.m.": single letters, each with its point.
bool is_initials(std::string_view word) noexcept {
  if (word.size() < 4 || word.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < word.size(); i += 2)
    if (is_mark(word[i]) || word[i + 1] != '.') return false;
  return true;
}

// How the word is spoken, and the mark that ends the clause with it.
std::pair<std::string, char> spoken_form(std::string_view word, bool last) {
  std::string spoken = with_plain_marks(word);
  for (const auto& [short_form, long_form] : kAbbreviations)
    if (spoken == short_form) return {std::string(long_form), last ? '.' : '\0'};
  char mark = 0;
  while (!spoken.empty() && (is_mark(spoken.back()) || is_quote(spoken.back()))) {
    if (is_initials(spoken)) return {spoken, last ? '.' : mark};
    // "What?!" asks; a sentence's mark is stronger than a comma's.
    if (is_mark(spoken.back()) && (mark == 0 || is_sentence_mark(spoken.back()))) mark = spoken.back();
    spoken.pop_back();
  }
  while (!spoken.empty() && is_quote(spoken.front())) spoken.erase(spoken.begin());
  return {spoken, mark};
}

}  // namespace

std::vector<Word> split_words(std::string_view text) {
  std::vector<Word> words;
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && is_space(text[at])) ++at;
    const std::size_t begin = at;
    while (at < text.size() && !is_space(text[at])) ++at;
    if (at > begin) words.push_back({std::string(text.substr(begin, at - begin)), at});
  }
  return words;
}

std::vector<Clause> split_clauses(std::string_view text) {
  std::vector<Clause> clauses;
  Clause clause;
  std::vector<Word> words = split_words(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto [spoken, mark] = spoken_form(words[i].text, i + 1 == words.size());
    if (is_spoken(spoken)) {
      if (!clause.text.empty()) clause.text += ' ';
      clause.text += spoken;
      clause.words.push_back(std::move(words[i]));
    } else if (!clause.words.empty()) {
      clause.words.back().end_byte = words[i].end_byte;  // a lone dash belongs to the word before it
    } else if (!clauses.empty()) {
      clauses.back().words.back().end_byte = words[i].end_byte;
    }
    if ((mark == 0 && i + 1 < words.size()) || clause.words.empty()) continue;
    clause.mark = mark;
    clauses.push_back(std::exchange(clause, {}));
  }
  if (!clause.words.empty()) clauses.push_back(std::move(clause));
  return clauses;
}

}  // namespace prot::tts
