#include "recall/terms.hpp"

#include <algorithm>
#include <array>

#include "base/utf8.hpp"
#include "recall/particles.hpp"
#include "recall/vocabulary.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

// Sorted. Apostrophes are gone already (text::words).
constexpr std::array kStopWords = std::to_array<std::string_view>(
    {"a",     "about", "all",  "also",  "am",   "an",     "and",  "any",    "are",      "as",    "at",
     "be",    "been",  "but",  "by",    "can",  "could",  "d",    "did",    "do",       "does",  "dont",
     "for",   "from",  "had",  "has",   "have", "he",     "her",  "him",    "his",      "how",   "i",
     "id",    "if",    "ill",  "im",    "in",   "is",     "it",   "its",    "ive",      "just",  "know",
     "let",   "like",  "ll",   "m",     "me",   "my",     "no",   "not",    "of",       "oh",    "ok",
     "okay",  "on",    "or",   "our",   "out",  "please", "prot", "re",     "remember", "s",     "said",
     "say",   "she",   "so",   "some",  "t",    "tell",   "than", "thanks", "that",     "thats", "the",
     "their", "them",  "then", "there", "they", "this",   "to",   "too",    "up",       "us",    "user",
     "users", "ve",    "very", "was",   "we",   "well",   "were", "what",   "whats",    "when",  "where",
     "which", "who",   "why",  "will",  "with", "would",  "yes",  "you",    "your",     "yours"});

// Without a question mark these ask by themselves ...
constexpr std::array kAsking =
    std::to_array<std::string_view>({"how", "tell", "what", "whats", "which", "who", "whose", "why"});
// ... and these before one of those ("when was I born", but "when I was young").
constexpr std::array kAskingBefore = std::to_array<std::string_view>({"when", "where"});
constexpr std::array kAuxiliaries = std::to_array<std::string_view>(
    {"are", "can", "could", "did", "do", "does", "is", "s", "should", "was", "were", "will", "would"});

constexpr std::array kStopWordsKorean = std::to_array<std::string_view>(
    {"나",   "난",     "내",     "내가",   "나는",   "나의", "저",     "저는",   "제",   "제가",
     "우리", "우리는", "이",     "그",     "것",     "거",   "게",     "좀",     "잘",   "더",
     "또",   "네",     "응",     "아니",   "뭐",     "뭐야", "뭐예요", "뭐더라", "뭐지", "무엇",
     "무슨", "어디",   "어디에", "어디서", "어디야", "언제", "언제야", "언제지", "누구", "누가",
     "왜",   "어떻게", "어떤",   "몇",     "해",     "해요", "했어",   "했어요", "있어", "있어요",
     "없어", "없어요", "알아",   "기억해", "말해",   "줘",   "알려줘"});

// Behind a name, before or instead of a particle.
constexpr std::array kNameEndings = std::to_array<std::string_view>(
    {"이", "네", "아", "야", "님", "씨", "이네", "형", "이가", "이는", "이의"});

constexpr std::array kAskingKorean = std::to_array<std::string_view>(
    {"뭐", "무엇", "무슨", "언제", "어디", "누구", "누가", "왜", "어떻게", "어떤", "몇", "얼마", "알려"});

// Not "me" and "us": "tell me a joke" tells nothing.
constexpr std::array kSelf = std::to_array<std::string_view>(
    {"i", "id", "ill", "im", "ive", "mine", "my", "myself", "our", "ours", "we", "weve"});

// Beginnings of words for what the assistant did.
constexpr std::array kSpeaking = std::to_array<std::string_view>(
    {"said", "say", "told", "suggest", "recommend", "advise", "answer", "mention", "promise", "explain",
     "joke", "추천", "말했", "말한", "알려준", "알려줬", "설명", "대답"});

constexpr std::array kSelfKorean =
    std::to_array<std::string_view>({"나", "난", "내", "날", "저", "전", "제", "우리"});

bool contains(const auto& sorted, std::string_view word) {
  return std::find(sorted.begin(), sorted.end(), word) != sorted.end();
}

bool is_hangul_word(std::string_view word) { return text::is_hangul(utf8::decode(word).code_point); }

std::string stem(std::string word) {
  const auto ends = [&](std::string_view suffix, std::size_t keep) {
    return word.size() >= suffix.size() + keep && word.ends_with(suffix);
  };
  if (ends("ies", 2) || ends("ied", 2)) return word.replace(word.size() - 3, 3, "y");
  if (ends("sses", 1)) return word.substr(0, word.size() - 2);
  if (ends("s", 3) && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is"))
    word.pop_back();
  if (ends("ing", 3)) {
    word.resize(word.size() - 3);
  } else if (ends("ed", 3) || ends("ly", 4)) {
    word.resize(word.size() - 2);
  }
  if (ends("e", 3)) word.pop_back();
  if (word.size() > 4 && word[word.size() - 1] == word[word.size() - 2]) word.pop_back();
  return word;
}

/// Without its particle, when two syllables remain: "민수는" and "민수가" are one.
std::string without_particle(const std::string& word) {
  for (const std::string_view particle : kWordParticles)
    if (word.ends_with(particle) && text::count_code_points(word) >= 2 + text::count_code_points(particle))
      return word.substr(0, word.size() - particle.size());
  return word;
}

/// f(as it is spelled, stemmed) for each word that is searched by.
template <typename F>
void for_each_word(std::string_view text, F&& f) {
  for (const std::string& word : text::words(text)) {
    const bool hangul = is_hangul_word(word);
    if (hangul ? contains(kStopWordsKorean, word)
               : std::binary_search(kStopWords.begin(), kStopWords.end(), word))
      continue;
    const std::string spelled = hangul ? without_particle(word) : spelling(word);
    f(spelled, hangul ? spelled : stem(std::string(plain_form(spelled))));
  }
}

/// Sentences with their closing marks.
std::vector<std::string_view> sentences(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool mark = text[i] == '.' || text[i] == '!' || text[i] == '?';
    if (mark && (i + 1 == text.size() || text[i + 1] == ' ')) {
      out.push_back(text.substr(begin, i + 1 - begin));
      begin = i + 1;
    }
  }
  if (begin < text.size()) out.push_back(text.substr(begin));
  return out;
}

bool asks(std::string_view sentence, const std::vector<std::string>& words) {
  const std::size_t end = sentence.find_last_not_of(' ');
  if (end != std::string_view::npos && sentence[end] == '?') return true;
  if (contains(kAsking, words.front())) return true;
  if (words.size() > 1 && contains(kAskingBefore, words[0]) && contains(kAuxiliaries, words[1])) return true;
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return std::any_of(kAskingKorean.begin(), kAskingKorean.end(),
                       [&](std::string_view ask) { return word.starts_with(ask); });
  });
}

}  // namespace

bool is_name_of(std::string_view word, std::string_view name) {
  if (word == name) return true;
  if (!word.starts_with(name) || !is_hangul_word(name)) return false;
  return contains(kNameEndings, word.substr(name.size()));
}

std::string spelling(std::string_view word) {
  std::string out(word);
  if (out.size() > 4)
    if (const std::size_t at = out.find("our", 1); at != std::string::npos) out.erase(at + 1, 1);
  return out;
}

void add_grams(std::string_view word, std::vector<std::string>& grams) {
  std::vector<std::string> points;
  const bool hangul = is_hangul_word(word);
  if (!hangul) points.emplace_back("_");
  while (!word.empty()) {
    const utf8::Decoded next = utf8::decode(word);
    points.emplace_back(word.substr(0, next.length));
    word.remove_prefix(next.length);
  }
  if (!hangul) points.emplace_back("_");
  const std::size_t n = hangul ? 2 : 3;
  if (points.size() < n) {
    if (hangul && points.size() == 1) grams.push_back(points[0]);
    return;
  }
  // "집에" and "집은" share no pair of syllables,
  if (hangul && points.size() == 2 && contains(kWordParticles, points[1])) grams.push_back(points[0]);
  if (hangul) grams.push_back("_" + points[0]);  // and "옮긴" and "옮겼어" only the first one
  for (std::size_t i = 0; i + n <= points.size(); ++i) {
    std::string gram;
    for (std::size_t k = i; k < i + n; ++k) gram += points[k];
    grams.push_back(std::move(gram));
  }
}

std::vector<ContentWord> content_words(std::string_view text) {
  std::vector<ContentWord> words;
  for_each_word(text, [&](const std::string& spelled, std::string stemmed) {
    words.push_back({spelled, std::move(stemmed)});
  });
  return words;
}

Terms terms_of(std::string_view text) {
  Terms terms;
  for_each_word(text, [&](const std::string& spelled, std::string stemmed) {
    add_grams(spelled, terms.grams);
    terms.words.push_back(std::move(stemmed));
  });
  return terms;
}

std::vector<std::string> distinct_words(std::string_view text) {
  std::vector<std::string> words;
  for_each_word(text, [&](const std::string&, std::string stemmed) { words.push_back(std::move(stemmed)); });
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

bool is_question(std::string_view text) {
  bool any = false;
  for (const std::string_view sentence : sentences(text)) {
    const std::vector<std::string> words = text::words(sentence);
    if (words.empty() || (words.size() == 1 && contains(kStopWords, words.front()))) continue;
    if (!asks(sentence, words)) return false;
    any = true;
  }
  return any;
}

bool asks_something(std::string_view text) noexcept {
  return text.find('?') != std::string_view::npos || text.find("\uFF1F") != std::string_view::npos;
}

bool speaks_of_self(std::string_view text) {
  for (const std::string& word : text::words(text)) {
    if (contains(kSelf, word)) return true;
    if (is_hangul_word(word) && std::any_of(kSelfKorean.begin(), kSelfKorean.end(),
                                            [&](std::string_view self) { return word.starts_with(self); }))
      return true;
  }
  return false;
}

std::string told_part(std::string_view text) {
  std::string told;
  for (const std::string_view sentence : sentences(text))
    if (!is_question(sentence)) told += sentence;
  if (!terms_of(told).words.empty()) return told;
  const std::vector<std::string> words = text::words(text);
  return contains(words, "that") && speaks_of_self(text) ? std::string(text) : std::string();
}

bool asks_for_replies(std::string_view text) {
  const std::vector<std::string> words = text::words(text);
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) {
                       return std::any_of(kSpeaking.begin(), kSpeaking.end(),
                                          [&](std::string_view start) { return word.starts_with(start); });
                     }) &&
         (contains(words, "you") || is_hangul_word(words.front()));
}

std::vector<std::string> word_beginnings(std::string_view text) {
  constexpr std::size_t kLeast = 4;  // shorter ones begin too many words
  std::vector<std::string> words = distinct_words(text);
  for (std::string& word : words)
    if (const std::size_t at = word.find("or", kLeast - 1); at != std::string::npos) word.resize(at + 1);
  return words;
}

double contained(const std::vector<std::string>& words, const std::vector<std::string>& other) {
  if (words.empty()) return 0.0;
  const auto shared = std::count_if(words.begin(), words.end(), [&](const std::string& word) {
    return std::binary_search(other.begin(), other.end(), word);
  });
  return static_cast<double>(shared) / static_cast<double>(words.size());
}

}  // namespace prot::memory
