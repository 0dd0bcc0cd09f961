// Values of the configuration in messages.
#include <algorithm>

#include "base/utf8.hpp"
#include "stage/config_keys.hpp"

namespace prot::stage {

std::string shown_text(std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  const auto end = std::find_if(text.begin(), text.end(), control);
  std::string shown = utf8::sanitized(text.substr(0, static_cast<std::size_t>(end - text.begin())));
  if (end != text.end()) shown += "...";
  const std::size_t scheme = shown.find("://");
  if (scheme == std::string::npos) return shown;
  const std::size_t begin = scheme + 3;
  const std::size_t at = shown.rfind('@', shown.find_first_of("/?#", begin));
  if (at != std::string::npos && at >= begin) shown.replace(begin, at - begin, "***");
  return shown;
}

}  // namespace prot::stage
