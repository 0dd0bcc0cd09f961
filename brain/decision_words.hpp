#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What a person says to what memory has asked, or wants to be asked about. The whole utterance must say it;
/// a question never does. Pure.
namespace prot::brain {

/// "Anything to confirm?", "확인할 거 있어?"
[[nodiscard]] bool asks_what_waits(std::string_view text);
/// A yes and that it be remembered: "Yes, remember that", "그건 맞아, 기억해".
[[nodiscard]] bool says_remember(std::string_view text);
/// To the question whether something is true: a clear yes, a clear no.
[[nodiscard]] bool says_true(std::string_view text);
[[nodiscard]] bool says_untrue(std::string_view text);

/// Two names of which somebody says that they mean one, or two.
struct TwoNames {
  std::string first;
  std::string second;  // Korean ones with the particle that they were said with
  bool same = true;
};
/// "Minsu and Kim Minsu are the same person", "민수랑 김민수는 같은 사람이야", "... are different people".
[[nodiscard]] std::optional<TwoNames> two_names(std::string_view text);

}  // namespace prot::brain
