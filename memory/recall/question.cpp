#include "recall/question.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/utf8.hpp"
#include "recall/terms.hpp"
#include "recall/vocabulary.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

constexpr double kWeak = 0.4;      // of a word that only shapes the question
constexpr double kRelated = 0.35;  // of a word that the question did not use
constexpr double kSpeaker = 0.5;   // of the name of somebody who speaks

// Stems that say what kind of answer is wanted, or little.
constexpr std::array kWeakWords = std::to_array<std::string_view>(
    {"kind",    "typ",     "sort",    "nam",    "many",     "much",    "long",   "often",  "ever",
     "mention", "describ", "discuss", "talk",   "shar",     "thing",   "dur",    "after",  "befor",
     "use",     "get",     "mak",     "do",     "go",       "tak",     "giv",    "tim",    "date",
     "day",     "year",    "month",   "recent", "specific", "current", "person", "someon", "이름",
     "요즘",    "최근",    "얘기",    "이야기", "종류",     "언제",    "어디",   "누구",   "무엇"});

constexpr std::array kWhen =
    std::to_array<std::string_view>({"when", "언제", "며칠", "몇월", "요일", "날짜"});

class TermList {
 public:
  void add(const std::string& text, double weight, bool added) {
    const auto [place, fresh] = places_.try_emplace(text, terms_.size());
    if (fresh) {
      terms_.push_back({text, weight, added});
      return;
    }
    QueryTerm& known = terms_[place->second];
    if (added) return;
    known.weight = known.added ? weight : known.weight + weight;
    known.added = false;
  }
  [[nodiscard]] std::vector<QueryTerm> take() { return std::move(terms_); }

 private:
  std::vector<QueryTerm> terms_;
  std::unordered_map<std::string, std::size_t> places_;
};

template <typename List>
bool has(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_hangul_word(std::string_view word) { return text::is_hangul(utf8::decode(word).code_point); }

bool asks_when(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string_view when : kWhen)
      if (words[i] == when || (is_hangul_word(when) && words[i].starts_with(when))) return true;
    const std::string_view next = i + 1 < words.size() ? std::string_view(words[i + 1]) : std::string_view();
    if ((words[i] == "what" || words[i] == "which") &&
        (next == "date" || next == "day" || next == "month" || next == "year" || next == "time"))
      return true;
    if (words[i] == "how" && (next == "long" || next == "old")) return true;
    if (words[i] == "몇" && (next.starts_with("월") || next.starts_with("시") || next.starts_with("년")))
      return true;
  }
  return false;
}

bool asks_number(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view next = i + 1 < words.size() ? std::string_view(words[i + 1]) : std::string_view();
    if (words[i] == "how" && (next == "many" || next == "much" || next == "old" || next == "far" ||
                              next == "long" || next == "big" || next == "tall"))
      return true;
    if ((words[i] == "what" || words[i] == "which") && (next == "hour" || next == "time" || next == "number"))
      return true;
    if (words[i].starts_with("몇") || words[i].starts_with("얼마")) return true;
  }
  return false;
}

/// Words that are no search terms but, with a capital within the sentence, a name: "What did Will say?"
std::vector<std::string> capital_names(std::string_view text) {
  std::vector<std::string> found;
  bool first = true;  // of a sentence
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view token = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (token.size() > 1 && !first && token.front() >= 'A' && token.front() <= 'Z') {
      const std::vector<std::string> words = text::words(token);
      if (!words.empty() && content_words(words.front()).empty()) found.push_back(words.front());
    }
    if (!token.empty()) first = std::string_view(".!?:").find(token.back()) != std::string_view::npos;
  }
  return found;
}

/// "지은이가", "지은네" mean "지은".
bool names(std::string_view word, const std::vector<std::string>& speakers) {
  return std::any_of(speakers.begin(), speakers.end(),
                     [&](const std::string& speaker) { return is_name_of(word, speaker); });
}

}  // namespace

Query query_of(std::string_view text, const std::vector<std::string>& speakers) {
  Query query;
  const std::vector<std::string> said = text::words(text);
  query.asks_when = asks_when(said);
  query.asks_number = asks_number(said);
  query.of_self = speaks_of_self(text);
  TermList words;
  TermList grams;
  const auto add_all = [&](const std::vector<std::string>& made, double weight, bool added) {
    for (const std::string& gram : made) grams.add(gram, weight, added);
  };
  const std::vector<ContentWord> content = content_words(text);
  query.names = capital_names(text);
  for (const ContentWord& word : content) {
    query.names.push_back(word.spelled);
    const double weight = names(word.spelled, speakers) ? kSpeaker : has(kWeakWords, word.stem) ? kWeak : 1.0;
    words.add(word.stem, weight, false);
    std::vector<std::string> made;
    add_grams(word.spelled, made);
    add_all(made, weight, false);
  }
  for (const ContentWord& word : content)
    for (const std::string& other : related_words(word.stem)) {
      words.add(other, kRelated, true);
      std::vector<std::string> made;
      if (is_hangul_word(other)) add_grams(other, made);  // endings vary too much for whole words
      add_all(made, kRelated, true);
    }
  query.words = words.take();
  query.grams = grams.take();
  return query;
}

}  // namespace prot::memory
