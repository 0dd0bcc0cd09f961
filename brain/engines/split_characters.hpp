#pragma once

#include <string>
#include <string_view>

namespace prot::brain {

/// Mends characters that a server cut between two pieces of its answer, each a JSON text of its own: by bytes
/// ("\xF0\x9F" and "\x98\x80"), or by halves of a UTF-16 pair ("\ud83d" and "\ude00"). Either half alone is
/// no JSON: protect() puts a stand-in for it, restore() takes it out of the parsed string again. The bytes of
/// restore() are UTF-8 when joined, perhaps not each by itself. One for each stream. One thread.
class SplitCharacters {
 public:
  /// The JSON text with stand-ins (private-use code points), the same bytes when there is nothing to protect.
  [[nodiscard]] std::string protect(std::string_view json);
  /// A string out of the text that was protected last.
  [[nodiscard]] std::string restore(std::string_view text);

 private:
  bool protected_ = false;
  char32_t high_ = 0;  // the first half of a pair, whose second one may come
};

}  // namespace prot::brain
