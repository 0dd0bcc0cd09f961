#include "decision_words.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "backchannels.hpp"
#include "base/lower_case.hpp"
#include "confirmation.hpp"
#include "memory_words.hpp"

namespace prot::brain {
namespace {

using Tokens = std::vector<std::string>;

template <std::size_t N>
using List = std::array<std::string_view, N>;

// As bare_words() has them, without spaces; of those that begin alike the longer first.
constexpr auto kAsking = std::to_array<std::string_view>(
    {"anythingtoconfirm", "isthereanythingtoconfirm", "isthereanythingformetoconfirm",
     "isthereanythingishouldconfirm", "isthereanythingicanconfirm", "doyouhaveanythingtoconfirm",
     "doyouhaveanythingformetoconfirm", "whatistheretoconfirm", "whatshouldiconfirm", "whatcaniconfirm",
     "whatdoyouwantmetoconfirm", "doihaveanythingtoconfirm", "doihavetoconfirmanything",
     "anythingformetoconfirm"});
constexpr auto kAskingKorean = std::to_array<std::string_view>(
    {"확인할거있어",     "확인할거있어요",   "확인할거있니",     "확인할거있나",   "확인할거있나요",
     "확인할거있습니까", "확인할거없어",     "확인할거없어요",   "확인할거남았어", "확인할것있어",
     "확인할것있어요",   "확인할것이있어",   "확인할것이있나요", "확인할게있어",   "확인할게있어요",
     "확인할게있나",     "확인할게있나요",   "확인할게없어",     "확인해줄거있어", "확인해줄게있어",
     "확인해야할거있어", "확인해야할게있어", "확인해야할것있어", "확인받을거있어", "확인이필요한거있어"});
constexpr auto kBeforeAsking =
    std::to_array<std::string_view>({"혹시", "뭔가", "뭐", "무슨", "내가", "나한테", "지금", "아직"});

constexpr auto kRemember =
    std::to_array<std::string_view>({"rememberthat", "rememberit", "pleaserememberthat", "pleaserememberit"});
constexpr auto kBeforeRemember = std::to_array<std::string_view>(
    {"yes", "yeah", "yep", "right", "correct", "true", "thatsright", "thatstrue", "thatscorrect",
     "thatistrue", "thatisright", "thatiscorrect", "itstrue"});
constexpr auto kRememberKorean =
    std::to_array<std::string_view>({"기억해", "기억해줘", "기억해줘요", "기억해주세요", "기억해둬",
                                     "기억해두세요", "기억하세요", "기억해도돼"});
constexpr auto kBeforeRememberKorean = std::to_array<std::string_view>(
    {"그건맞아요", "그건맞아", "그거맞아요", "그거맞아", "그게맞아", "그말맞아", "맞습니다", "맞아요", "맞아",
     "그건사실이야", "사실이야", "사실이에요", "응", "네", "예", "그래요", "그래"});

constexpr auto kTrue = std::to_array<std::string_view>(
    {"true", "right", "correct", "thatstrue", "thatistrue", "thatscorrect", "thatiscorrect", "thatisright",
     "itstrue", "itistrue", "사실이야", "사실이에요", "사실입니다", "그건사실이야", "그건사실이에요"});
const std::vector<std::string> kBesideTrue = {"true",    "correct", "right", "it is",
                                              "that is", "그건",    "그게",  "사실이야"};

constexpr auto kNo = std::to_array<std::string_view>({"nope", "nah", "no"});
constexpr auto kUntrue = std::to_array<std::string_view>(
    {"thatswrong",  "thatiswrong",      "thatsnottrue",   "thatisnottrue",  "thatisnttrue", "itsnottrue",
     "itisnottrue", "nottrue",          "wrong",          "false",          "thatsfalse",   "thatisfalse",
     "incorrect",   "thatsincorrect",   "thatsnotright",  "thatisnotright", "itsnot",       "itisnt",
     "itisnot",     "dontrememberthat", "dontrememberit", "forgetthat",     "forgetit"});
constexpr auto kNoKorean = std::to_array<std::string_view>(
    {"아니에요", "아니예요", "아닙니다", "아니야", "아니요", "아뇨", "아냐", "아니"});
constexpr auto kUntrueKorean = std::to_array<std::string_view>(
    {"틀려", "틀려요", "틀렸어", "틀렸어요", "틀린거야", "사실이아니야", "사실이아니에요", "사실아니야",
     "맞지않아", "안맞아", "거짓이야", "기억하지마", "기억하지마세요", "기억하지말아줘", "잊어", "잊어줘",
     "잊어버려"});
constexpr auto kThat = std::to_array<std::string_view>({"그건", "그거", "그게", "그말은", "그말"});

bool is_one_of(const auto& list, std::string_view said) {
  return std::find(list.begin(), list.end(), said) != list.end();
}

/// Takes what stands at the beginning, as often as it does. Returns how often.
int take_all(std::string_view& said, const auto& beginnings) {
  int taken = 0;
  for (bool more = true; more && !said.empty();) {
    const auto* const found = std::find_if(beginnings.begin(), beginnings.end(),
                                           [&](std::string_view one) { return said.starts_with(one); });
    more = found != beginnings.end();
    if (more) said.remove_prefix(found->size());
    taken += more ? 1 : 0;
  }
  return taken;
}

/// `said` is beginnings, one at least, and then one of `list`.
bool follows(std::string_view said, const auto& beginnings, const auto& list) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view end) {
    if (!said.ends_with(end)) return false;
    std::string_view before = said.substr(0, said.size() - end.size());
    return take_all(before, beginnings) > 0 && before.empty();
  });
}

// Of two names -------------------------------------------------------------------------------------------

constexpr std::size_t kMostNameWords = 4;
constexpr std::size_t kMostNameBytes = 60;
constexpr std::size_t kMostBytes = 200;  // a longer utterance says more than that

constexpr auto kSame =
    std::to_array<std::string_view>({"are the same person", "are the same man", "are the same woman",
                                     "are the same thing", "are the same place", "are the same company",
                                     "are both the same person", "are one and the same", "are one person"});
constexpr auto kDifferent = std::to_array<std::string_view>(
    {"are not the same person", "aren't the same person", "are not the same thing", "aren't the same thing",
     "are not the same place", "are not one person", "are different people", "are different persons",
     "are two different people", "are two people", "are different things", "are different places"});
constexpr auto kSameAs = std::to_array<std::string_view>(
    {" is the same person as ", " is the same place as ", " is the same thing as "});
constexpr auto kNotSameAs = std::to_array<std::string_view>(
    {" is not the same person as ", " isn't the same person as ", " is not the same place as "});
/// Tokens that no name has: who is meant only the conversation knows.
constexpr auto kNoName = std::to_array<std::string_view>(
    {"i",     "me",   "you",  "he",   "him",   "she",   "her",     "it",    "we",  "us",
     "they",  "them", "this", "that", "these", "those", "my",      "your",  "his", "our",
     "their", "is",   "are",  "was",  "were",  "if",    "because", "think", "not", "or"});
constexpr auto kNoNameKorean = std::to_array<std::string_view>(
    {"나랑",   "나와",   "나하고", "너랑", "너와",   "너하고", "우리는", "그거랑",
     "이거랑", "그것과", "이것과", "그와", "그녀와", "너는",   "나는",   "그는",
     "그녀는", "그거는", "그건",   "이건", "이거는", "저랑",   "저와",   "저는"});

constexpr auto kKinds = std::to_array<std::string_view>({"사람", "인물", "친구", "곳", "장소", "회사"});
constexpr auto kIs =
    std::to_array<std::string_view>({"", "이야", "야", "이에요", "이예요", "예요", "입니다", "이다",
                                     "이야기억해", "이야기억해줘", "이니까기억해줘"});
constexpr auto kIsNot =
    std::to_array<std::string_view>({"이아니야", "아니야", "가아니야", "이아니에요", "가아니에요", "아니에요",
                                     "이아닙니다", "가아닙니다", "아닙니다"});

Tokens split(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n";
  constexpr std::string_view kAround = ",.!\"'()";
  Tokens words;
  for (std::size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    std::string_view word = text.substr(at, end - at);
    while (!word.empty() && kAround.find(word.front()) != std::string_view::npos) word.remove_prefix(1);
    while (!word.empty() && kAround.find(word.back()) != std::string_view::npos) word.remove_suffix(1);
    if (!word.empty()) words.emplace_back(word);
    at = text.find_first_not_of(kBetween, end);
  }
  return words;
}

std::string joined(const Tokens& words, std::size_t from, std::size_t to, std::string_view between) {
  std::string out;
  for (std::size_t i = from; i < to; ++i) out.append(out.empty() ? "" : between).append(words[i]);
  return out;
}

bool may_be_name(std::string_view name) {
  const Tokens words = split(name);
  return !words.empty() && words.size() <= kMostNameWords && name.size() <= kMostNameBytes &&
         std::none_of(words.begin(), words.end(), [](const std::string& word) {
           return is_one_of(kNoName, lower_case(word)) || is_one_of(kNoNameKorean, word);
         });
}

std::optional<TwoNames> checked(std::string_view first, std::string_view second, bool same) {
  if (!may_be_name(first) || !may_be_name(second)) return std::nullopt;
  return TwoNames{std::string(first), std::string(second), same};
}

/// "X and Y", with no other "and".
std::optional<TwoNames> parted(std::string_view names, bool same) {
  constexpr std::string_view kAnd = " and ";
  const std::string small = lower_case(names);
  const std::size_t at = small.find(kAnd);
  if (at == std::string::npos || small.find(kAnd, at + 1) != std::string::npos) return std::nullopt;
  return checked(names.substr(0, at), names.substr(at + kAnd.size()), same);
}

std::optional<TwoNames> english_names(const Tokens& words) {
  const std::string said = joined(words, 0, words.size(), " ");
  const std::string small = lower_case(said);
  const auto ends = [&](const auto& list) -> std::string_view {
    for (const std::string_view end : list)
      if (small.size() > end.size() + 1 && small.ends_with(end) &&
          small[small.size() - end.size() - 1] == ' ')
        return std::string_view(said).substr(0, said.size() - end.size() - 1);
    return {};
  };
  if (const std::string_view names = ends(kSame); !names.empty()) return parted(names, true);
  if (const std::string_view names = ends(kDifferent); !names.empty()) return parted(names, false);
  const auto between = [&](const auto& list, bool same) -> std::optional<TwoNames> {
    for (const std::string_view middle : list)
      if (const std::size_t at = small.find(middle); at != std::string::npos)
        return checked(said.substr(0, at), said.substr(at + middle.size()), same);
    return std::nullopt;
  };
  if (std::optional<TwoNames> names = between(kSameAs, true)) return names;
  return between(kNotSameAs, false);
}

/// What is said of two Korean names, without spaces: do they mean one? None: something else is said.
std::optional<bool> korean_claim(std::string_view said) {
  bool same = true;
  if (said.starts_with("다른")) {
    same = false;
    said.remove_prefix(std::string_view("다른").size());
  } else if (said.starts_with("같은") || said.starts_with("동일")) {
    said.remove_prefix(std::string_view("같은").size());
    if (said.starts_with("한")) said.remove_prefix(std::string_view("한").size());
  } else {
    return std::nullopt;
  }
  const auto* const kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](std::string_view one) { return said.starts_with(one); });
  if (kind == kKinds.end()) return std::nullopt;
  said.remove_prefix(kind->size());
  if (is_one_of(kIs, said)) return same;
  return same && is_one_of(kIsNot, said) ? std::optional(false) : std::nullopt;
}

bool joins(std::string_view word) {
  return word == "그리고" || word.ends_with("랑") || word.ends_with("와") || word.ends_with("과") ||
         word.ends_with("하고");
}

std::optional<TwoNames> korean_names(const Tokens& words) {
  for (std::size_t claim = 2; claim < words.size(); ++claim) {
    const std::optional<bool> same = korean_claim(joined(words, claim, words.size(), ""));
    if (!same) continue;
    const std::size_t names = words[claim - 1] == "서로" ? claim - 1 : claim;
    std::optional<std::size_t> join;  // the last word of the first name, or the one behind it
    for (std::size_t i = 0; i + 1 < names; ++i) {
      if (!joins(words[i])) continue;
      if (join) return std::nullopt;  // where the first name ends is anybody's guess
      join = i;
    }
    if (!join) return std::nullopt;
    const bool alone =
        *join > 0 && is_one_of(std::to_array<std::string_view>({"그리고", "하고", "이랑", "랑", "와", "과"}),
                               words[*join]);
    return checked(joined(words, 0, alone ? *join : *join + 1, " "), joined(words, *join + 1, names, " "),
                   *same);
  }
  return std::nullopt;
}

}  // namespace

bool asks_what_waits(std::string_view text) {
  const std::string bare = bare_words(text);
  if (is_one_of(kAsking, bare)) return true;
  std::string_view said = bare;
  (void)take_all(said, kBeforeAsking);
  return is_one_of(kAskingKorean, said);
}

bool says_remember(std::string_view text) {
  if (is_question(text)) return false;
  const std::string said = bare_words(text);
  return follows(said, kBeforeRemember, kRemember) || follows(said, kBeforeRememberKorean, kRememberKorean);
}

bool says_true(std::string_view text) {
  if (is_question(text)) return false;
  return says_remember(text) || is_one_of(kTrue, bare_words(text)) || says_yes(text, kBesideTrue);
}

bool says_untrue(std::string_view text) {
  if (is_question(text)) return false;
  const std::string bare = bare_words(text);
  if (is_one_of(kUntrue, bare)) return true;
  std::string_view said = bare;
  int noes = take_all(said, kNo);
  if (is_one_of(kUntrue, said)) return true;
  noes += take_all(said, kNoKorean);
  (void)take_all(said, kThat);
  if (is_one_of(kUntrueKorean, said)) return true;
  noes += take_all(said, kNoKorean);  // "그건 아니야"
  return noes > 0 && said.empty();
}

std::optional<TwoNames> two_names(std::string_view text) {
  if (text.size() > kMostBytes || is_question(text)) return std::nullopt;
  const Tokens words = split(text);
  if (std::optional<TwoNames> names = english_names(words)) return names;
  return korean_names(words);
}

}  // namespace prot::brain
