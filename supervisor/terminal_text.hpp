#pragma once

#include <string>
#include <string_view>

namespace prot::supervisor {

/// Somebody else's words for a terminal: without what commands it. Control characters (all but line end and
/// tab, those from U+0080 to U+009F too) and whole escape sequences are left out, and what turns the writing
/// direction. A sequence may come in pieces; one that never ends is over with its line. One thread.
class TerminalText {
 public:
  [[nodiscard]] std::string push(std::string_view text);

 private:
  enum class In { kText, kEscape, kSequence, kString };
  /// False: the character ends the sequence and is text itself.
  bool command(char32_t c);

  In in_ = In::kText;
};

}  // namespace prot::supervisor
