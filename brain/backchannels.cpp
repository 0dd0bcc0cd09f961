#include "backchannels.hpp"

#include <algorithm>

#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kShortTail = 3;  // words behind a stop word that make no request of it

// "hmmm" and "hmm" are "hm".
std::string drawn_in(const std::string& word) {
  std::string out;
  for (const char c : word)
    if (out.empty() || c != out.back() || static_cast<unsigned char>(c) >= 0x80 || (c >= '0' && c <= '9'))
      out += c;
  return out;
}

std::vector<std::string> phrase(std::string_view text) {
  std::vector<std::string> out = text::words(text);
  for (std::string& word : out) word = drawn_in(word);
  return out;
}

std::vector<std::vector<std::string>> phrases(const std::vector<std::string>& list,
                                              std::string_view builtin) {
  std::vector<std::vector<std::string>> out;
  const auto add = [&out](std::string_view text) {
    if (auto words = phrase(text); !words.empty()) out.push_back(std::move(words));
  };
  for (const std::string& text : list) add(text);
  if (!list.empty()) return out;
  for (std::size_t at = 0; at < builtin.size();) {
    const std::size_t end = std::min(builtin.find(',', at), builtin.size());
    add(builtin.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// Words of the longest phrase that stands at `at`.
std::size_t longest_at(const std::vector<std::vector<std::string>>& phrases,
                       const std::vector<std::string>& words, std::size_t at) {
  std::size_t longest = 0;
  for (const auto& one : phrases) {
    if (one.size() <= longest || one.size() > words.size() - at) continue;
    if (std::equal(one.begin(), one.end(), words.begin() + static_cast<std::ptrdiff_t>(at)))
      longest = one.size();
  }
  return longest;
}

}  // namespace

bool is_question(std::string_view text) noexcept {
  const auto last = text.find_last_not_of(" \t\r\n\"')");
  if (last == std::string_view::npos) return false;
  const std::string_view kept = text.substr(0, last + 1);
  return kept.ends_with('?') || kept.ends_with("\uFF1F");
}

const std::string_view Backchannels::kBackchannels =
    "네,네네,예,넵,응,응응,음,으음,어,아,흠,그래,그래요,그렇지,그렇구나,그렇군요,맞아,맞아요,"
    "uh huh,uh,um,mm,mm hm,mhm,hm,ah,oh,yeah,yep,yes,ok,okay,right,i see";
const std::string_view Backchannels::kStopWords =
    "그만,그만해,그만해요,그만하세요,그만둬,멈춰,멈춰요,멈춰줘,멈추세요,잠깐,잠깐만,잠깐만요,잠시만,잠시만요,"
    "스톱,스탑,조용히 해,조용히 해줘,stop,stop it,shut up,be quiet,hold on";

Backchannels::Backchannels(const std::vector<std::string>& backchannels,
                           const std::vector<std::string>& stop_words)
    : backchannels_(phrases(backchannels, kBackchannels)), stops_(phrases(stop_words, kStopWords)) {}

// Is the word one that is listed, or several of them written together?
bool Backchannels::is_hangul_run(std::string_view word) const {
  if (word.empty() || !text::is_hangul(utf8::decode(word).code_point)) return false;
  std::vector<bool> reached(word.size() + 1, false);
  reached[0] = true;
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (!reached[at]) continue;
    for (const Phrase& one : backchannels_)
      if (one.size() == 1 && word.substr(at).starts_with(one[0])) reached[at + one[0].size()] = true;
  }
  return reached[word.size()];
}

std::size_t Backchannels::backchannel_at(const Phrase& words, std::size_t at) const {
  const std::size_t listed = longest_at(backchannels_, words, at);
  return listed == 0 && is_hangul_run(words[at]) ? 1 : listed;
}

Words Backchannels::judge(std::string_view text) const {
  const Phrase words = phrase(text);
  if (words.empty()) return Words::kNone;
  std::size_t at = 0;
  bool stops = false;
  while (at < words.size()) {
    std::size_t here = longest_at(stops_, words, at);
    stops = stops || here != 0;
    if (here == 0) here = backchannel_at(words, at);
    if (here == 0) break;
    at += here;
  }
  const std::size_t tail = words.size() - at;
  if (is_question(text) && (!stops || tail > 0)) return Words::kContent;  // "네?" asks
  if (!stops) return tail == 0 ? Words::kBackchannel : Words::kContent;
  return tail <= kShortTail ? Words::kStop : Words::kContent;
}

}  // namespace prot::brain
