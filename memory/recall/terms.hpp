#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Text as search terms: the same for what is stored and what is asked.
namespace prot::memory {

struct Terms {
  std::vector<std::string> words;  // without stop words, stemmed lightly; repeated as often as they occur
  // Hangul 2-grams and first syllables, and 3-grams of other words, word bounds included.
  std::vector<std::string> grams;
};
[[nodiscard]] Terms terms_of(std::string_view text);

/// A word that is searched by: no stop word.
struct ContentWord {
  std::string spelled;  // English in one spelling, Korean without its particle
  std::string stem;
};
[[nodiscard]] std::vector<ContentWord> content_words(std::string_view text);
/// Those of one word, appended.
void add_grams(std::string_view spelled, std::vector<std::string>& grams);

/// The word is the name, or a Korean form of it: "지은이", "지은네" of "지은". Both as ContentWord::spelled.
[[nodiscard]] bool is_name_of(std::string_view word, std::string_view name);

/// A word in one spelling: "favourite" as "favorite", "colours" as "colors".
[[nodiscard]] std::string spelling(std::string_view word);

/// Everything in the text asks, nothing tells: "What is my favourite colour?", "내 이름이 뭐야".
[[nodiscard]] bool is_question(std::string_view text);
/// It asks, whatever else it says: what comes next may be the answer.
[[nodiscard]] bool asks_something(std::string_view text) noexcept;
/// The text speaks of the person who says it ("my", "we", "저는").
[[nodiscard]] bool speaks_of_self(std::string_view text);

/// The sentences that tell something; of a question with a message in it ("can you remember that ...") all.
[[nodiscard]] std::string told_part(std::string_view text);
/// The question is about what the assistant said ("what did you recommend").
[[nodiscard]] bool asks_for_replies(std::string_view text);

/// The words of terms_of, each once, sorted.
[[nodiscard]] std::vector<std::string> distinct_words(std::string_view text);
/// Beginnings of words by which the same are found in plain text, in either spelling: "favo" for "favorite".
[[nodiscard]] std::vector<std::string> word_beginnings(std::string_view text);
/// Share of `words` that `other` has, both from distinct_words: 0 to 1.
[[nodiscard]] double contained(const std::vector<std::string>& words, const std::vector<std::string>& other);

}  // namespace prot::memory
