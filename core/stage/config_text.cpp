// Values of the configuration in messages.
#include "base/terminal_words.hpp"
#include "base/utf8.hpp"
#include "stage/config_keys.hpp"

namespace prot::stage {

std::string shown_text(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    const utf8::Decoded next = utf8::decode(text.substr(end));
    if (next.valid && steers_terminal(next.code_point)) break;
    end += next.length;
  }
  std::string shown = utf8::sanitized(text.substr(0, end));
  if (end < text.size()) shown += "...";
  const std::size_t scheme = shown.find("://");
  if (scheme == std::string::npos) return shown;
  const std::size_t begin = scheme + 3;
  const std::size_t at = shown.rfind('@', shown.find_first_of("/?#", begin));
  if (at != std::string::npos && at >= begin) shown.replace(begin, at - begin, "***");
  return shown;
}

}  // namespace prot::stage
