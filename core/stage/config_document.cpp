// The table of keys for people: prot.toml with everything in it, and the tables of doc/configuration.md.
#include <sstream>

#include "stage/config.hpp"

namespace prot::stage {
namespace {

std::string toml_value(const ConfigKey& key) {
  const bool quoted = key.type == ConfigType::kString;
  return (quoted ? "\"" : "") + std::string(key.fallback) + (quoted ? "\"" : "");
}

const OriginalDefault* original_of(const ConfigKey& key) {
  for (const OriginalDefault& row : original_defaults())
    if (row.key == key.name) return &row;
  return nullptr;
}

std::string section_of(const ConfigKey& key) { return std::string(key.name.substr(0, key.name.find('.'))); }

}  // namespace

std::string Config::example() {
  std::ostringstream out;
  out << "# prot.toml: every key with its default. Remove the # to change one.\n";
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const std::string head = section_of(key);
    if (head != section) out << "\n[" << head << "]\n";
    section = head;
    out << "# " << key.comment;
    if (key.type != ConfigType::kString || !key.choices.empty()) out << " (" << describe_type(key) << ")";
    if (key.fixed) out << " (prot reload cannot change it)";
    if (!key.environment.empty()) out << " [" << key.environment << "]";
    if (!key.also.empty()) out << " [" << key.also << "]";
    out << "\n#" << key.name.substr(head.size() + 1) << " = " << toml_value(key) << "\n";
  }
  return out.str();
}

std::string Config::table() {
  std::ostringstream out;
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const std::string head = section_of(key);
    if (head != section)
      out << (section.empty() ? "" : "\n") << "## [" << head
          << "]\n| key | default | values | environment | what | restarts | original "
             "|\n|---|---|---|---|---|---|---|\n";
    section = head;
    out << "| `" << key.name << "` | `" << toml_value(key) << "` | " << describe_type(key) << " | ";
    if (!key.environment.empty()) out << "`" << key.environment << "`";
    if (!key.also.empty()) out << ", `" << key.also << "`";
    if (key.environment_scale == 1000) out << " (seconds)";
    out << " | " << key.comment << " | ";
    out << (key.fixed ? "prot: `prot reload` cannot change it" : std::string(key.programs))
        << (key.live ? " (told, without a restart)" : "") << " | ";
    if (const OriginalDefault* original = original_of(key); original == nullptr) {
      out << "-";
    } else if (original->reason.empty()) {
      out << "the same";
    } else {
      out << original->value << ": " << original->reason;
    }
    out << " |\n";
  }
  return out.str();
}

}  // namespace prot::stage
