#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace prot::brain {

/// What a transcript is to somebody who is talking.
enum class Words : std::uint8_t {
  kNone,         // nothing was understood
  kBackchannel,  // "I am listening": go on
  kStop,         // be silent; no answer is wanted
  kContent,      // anything else
};

/// Tells backchannels and stop words from what wants an answer. Compared are words as text::words() makes
/// them (NFKC, case folded, no punctuation), so that "Uh-huh." is "uh huh"; letters that are drawn out count
/// once ("hmmm"), and Hangul needs no spaces ("네네, 그래"). Immutable.
///
///   the whole transcript consists of backchannels, and is no question    | kBackchannel
///   it begins with a stop word, perhaps behind a backchannel, and what   | kStop
///   follows is short and no question ("그만 좀 해", "stop it, please")   |
///   the same with more behind it ("잠깐, 그게 뭐야?")                    | kContent
class Backchannels {
 public:
  /// An empty list: the built-in one.
  Backchannels(const std::vector<std::string>& backchannels, const std::vector<std::string>& stop_words);
  [[nodiscard]] Words judge(std::string_view text) const;

  /// The built-in lists, separated by commas.
  static const std::string_view kBackchannels;
  static const std::string_view kStopWords;

 private:
  using Phrase = std::vector<std::string>;  // word by word
  [[nodiscard]] std::size_t backchannel_at(const Phrase& words, std::size_t at) const;
  [[nodiscard]] bool is_hangul_run(std::string_view word) const;

  std::vector<Phrase> backchannels_;
  std::vector<Phrase> stops_;
};

/// Does it end with a question mark?
[[nodiscard]] bool is_question(std::string_view text) noexcept;

}  // namespace prot::brain
