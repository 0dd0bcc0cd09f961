#include "stage/config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.hpp"

namespace prot::stage {
namespace {

const ConfigKey* find_key(std::string_view name) noexcept {
  for (const ConfigKey& key : config_keys())
    if (key.name == name) return &key;
  return nullptr;
}

// Edit distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearest_key(std::string_view name) {
  const auto keys = config_keys();
  const auto best = std::min_element(keys.begin(), keys.end(), [&](const ConfigKey& a, const ConfigKey& b) {
    return distance(a.name, name) < distance(b.name, name);
  });
  return std::string(best->name);
}

bool parse_number(const std::string& text, double& number) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc{} && result.ptr == end;
}

// The value as it is kept, checked against the key's type and range. `where` begins the error message.
std::string checked(const ConfigKey& key, std::string text, const std::string& where) {
  const std::string name(key.name);
  if (key.type == ConfigType::kBool) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    if (text == "1" || text == "yes" || text == "on") text = "true";
    if (text == "0" || text == "no" || text == "off") text = "false";
    if (text != "true" && text != "false")
      throw UsageError(where + name + " must be true or false, not '" + text + "'");
  } else if (key.type == ConfigType::kInt || key.type == ConfigType::kDouble) {
    double number = 0;
    const bool whole = text.find_first_of(".eE") == std::string::npos;
    if (!parse_number(text, number) || (key.type == ConfigType::kInt && !whole))
      throw UsageError(where + name + " must be a " + (key.type == ConfigType::kInt ? "whole " : "") +
                       "number, not '" + text + "'");
    if (number < key.minimum || number > key.maximum) {
      std::ostringstream range;
      range << key.minimum << " to " << key.maximum;
      throw UsageError(where + name + " = " + text + " is out of range: " + range.str());
    }
  }
  return text;
}

std::string to_text(const toml::node& node, const std::string& where, const ConfigKey& key) {
  if (const auto* s = node.as_string(); s != nullptr && key.type == ConfigType::kString) return s->get();
  if (const auto* i = node.as_integer(); i != nullptr && key.type != ConfigType::kString)
    return std::to_string(i->get());
  if (const auto* b = node.as_boolean(); b != nullptr && key.type == ConfigType::kBool)
    return b->get() ? "true" : "false";
  if (const auto* d = node.as_floating_point(); d != nullptr && key.type == ConfigType::kDouble) {
    std::ostringstream text;
    text << d->get();
    return text.str();
  }
  throw UsageError(where + std::string(key.name) + " has the wrong type");
}

void walk(const toml::table& table, const std::string& prefix, const std::string& file,
          std::map<std::string, std::string, std::less<>>& values) {
  for (const auto& [name, node] : table) {
    const std::string key_name = prefix + std::string(name.str());
    const std::string where = file + ":" + std::to_string(node.source().begin.line) + ": ";
    if (const auto* inner = node.as_table(); inner != nullptr && prefix.empty()) {
      walk(*inner, key_name + ".", file, values);
      continue;
    }
    const ConfigKey* key = find_key(key_name);
    if (key == nullptr)
      throw UsageError(where + "unknown key '" + key_name + "'; did you mean '" + nearest_key(key_name) +
                       "'?");
    values[key_name] = checked(*key, to_text(node, where, *key), where);
  }
}

}  // namespace

Config Config::load(const std::string& file, const std::vector<std::string>& overrides) {
  Config config;
  for (const ConfigKey& key : config_keys()) config.values_.emplace(key.name, key.fallback);
  std::error_code error;
  if (!file.empty() && std::filesystem::exists(file, error)) {
    if (std::filesystem::is_directory(file, error))
      throw UsageError(file + ": is a folder, not a configuration file");
    try {
      walk(toml::parse_file(file), "", file, config.values_);
    } catch (const toml::parse_error& e) {
      throw UsageError(file + ":" + std::to_string(e.source().begin.line) + ": " +
                       std::string(e.description()));
    }
  }
  for (const ConfigKey& key : config_keys()) {
    const char* value = key.environment.empty() ? nullptr : std::getenv(std::string(key.environment).c_str());
    if (value != nullptr && value[0] != '\0')
      config.values_[std::string(key.name)] =
          checked(key, value, "environment " + std::string(key.environment) + ": ");
  }
  for (const std::string& item : overrides) {
    const std::size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    const ConfigKey* key = find_key(name);
    if (equals == std::string::npos) throw UsageError("--set " + item + ": expected KEY=VALUE");
    if (key == nullptr)
      throw UsageError("--set " + item + ": unknown key; did you mean '" + nearest_key(name) + "'?");
    config.values_[name] = checked(*key, item.substr(equals + 1), "--set ");
  }
  return config;
}

const std::string& Config::raw(std::string_view key, ConfigType type) const {
  const ConfigKey* row = find_key(key);
  if (row == nullptr || row->type != type)
    throw UsageError("bug: configuration key " + std::string(key) + " is not in the table");
  return values_.find(key)->second;
}

const std::string& Config::get_string(std::string_view key) const { return raw(key, ConfigType::kString); }
long Config::get_int(std::string_view key) const {
  return std::strtol(raw(key, ConfigType::kInt).c_str(), nullptr, 10);
}
double Config::get_double(std::string_view key) const {
  return std::strtod(raw(key, ConfigType::kDouble).c_str(), nullptr);
}
bool Config::get_bool(std::string_view key) const { return raw(key, ConfigType::kBool) == "true"; }

std::string Config::language() const {
  const std::string& configured = get_string("general.language");
  if (configured == "en" || configured == "ko") return configured;
  if (configured != "auto")
    throw UsageError("general.language must be \"en\", \"ko\" or \"auto\", not '" + configured + "'");
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && value[0] != '\0') return std::string_view(value).starts_with("ko") ? "ko" : "en";
  }
  return "en";
}

std::string Config::model_path(std::string_view key, const std::string& cache, std::string_view file) const {
  const std::string& configured = get_string(key);
  return configured.empty() ? cache + "/models/" + std::string(file) : configured;
}

std::string Config::example() {
  std::ostringstream out;
  out << "# prot.toml: every key with its default. Remove the # to change one.\n";
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const std::string name(key.name);
    const std::string head = name.substr(0, name.find('.'));
    if (head != section) out << "\n[" << head << "]\n";
    section = head;
    out << "# " << key.comment;
    if (key.type == ConfigType::kInt || key.type == ConfigType::kDouble)
      out << " (" << key.minimum << " to " << key.maximum << ")";
    if (!key.environment.empty()) out << " [" << key.environment << "]";
    const bool quoted = key.type == ConfigType::kString;
    out << "\n#" << name.substr(head.size() + 1) << " = " << (quoted ? "\"" : "") << key.fallback
        << (quoted ? "\"" : "") << "\n";
  }
  return out.str();
}

}  // namespace prot::stage
