#include "stage/secrets.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/log.hpp"

namespace prot::stage {

Secrets::Secrets(std::string_view content) {
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\0'));
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos)
      values_[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    if (equals != std::string_view::npos) hide_in_log(std::string(line.substr(equals + 1)));
    content.remove_prefix(std::min(content.size(), line.size() + 1));
  }
}

std::optional<std::string> Secrets::find(const std::string& name) const {
  const auto it = values_.find(name);
  if (it != values_.end() && !it->second.empty()) return it->second;
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || value[0] == '\0') return std::nullopt;
  return value;
}

}  // namespace prot::stage
