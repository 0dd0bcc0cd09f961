#include "stage/config.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <utility>

#include "base/utf8.hpp"
#include "json/json.hpp"
#include "stage/config_file.hpp"
#include "stage/implied_choices.hpp"
#include "stage/model_specs.hpp"
#include "stage/recognizer_specs.hpp"

namespace prot::stage {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

std::optional<PlacedValue> from_process(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return PlacedValue{value, "environment " + std::string(name) + ": "};
}

// A working folder that is gone leaves the path as it is: whoever opens it says so.
std::string resolved(const std::string& path, const std::string& folder) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(std::filesystem::path(folder) / path, error);
  return error ? path : whole.lexically_normal().string();
}

std::string parent_of(const std::string& file) { return std::filesystem::path(file).parent_path().string(); }

// A device names a file only where a WAV file takes its place.
bool names_file(const Config& config, std::string_view key) {
  if (key == "capture.device") return config.text("capture.source") == "wav";
  if (key == "player.device") return config.text("player.sink") == "wav";
  return find_key(key)->file;
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> lines)
    : UsageError(joined(lines)), lines_(std::move(lines)) {}

void Config::set(const ConfigKey& key, const PlacedValue& value, int scale,
                 std::vector<std::string>& errors) {
  try {
    values_[std::string(key.name)] = {config_value(key, value.value, scale), value.place};
  } catch (const UsageError& e) {
    errors.push_back(value.place + e.what());
  }
}

Config Config::load(const ConfigSources& sources) {
  Config config;
  std::vector<std::string> errors;
  std::set<std::string_view> of_file;
  for (const ConfigKey& key : config_keys())
    config.values_[std::string(key.name)] = {config_value(key, key.fallback), ""};
  if (!sources.file.empty())
    for (FileSetting& setting : read_config_file(sources.file, sources.file_required, errors)) {
      of_file.insert(setting.key->name);
      config.values_[std::string(setting.key->name)] = std::move(setting.value);
    }
  for (const ConfigKey& key : config_keys()) {
    for (const std::string_view name : {key.also, key.environment}) {
      if (name.empty()) continue;
      const auto value = sources.environment ? sources.environment(name) : from_process(name);
      if (!value || value->value.empty()) continue;
      of_file.erase(key.name);
      config.set(key, *value, key.environment_scale, errors);
    }
  }
  for (const std::string& item : sources.overrides) {
    const std::size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    const ConfigKey* key = find_key(name);
    if (equals == std::string::npos) {
      errors.push_back("--set " + utf8::sanitized(item) + ": expected KEY=VALUE");
    } else if (key == nullptr) {
      errors.push_back("--set " + utf8::sanitized(name) + ": unknown key; did you mean '" +
                       nearest_key(name) + "'?");
    } else {
      of_file.erase(key->name);
      config.set(*key, {item.substr(equals + 1), "--set: "}, 1, errors);
    }
  }
  if (errors.empty()) {
    for (const ImpliedChoice& choice :
         implied_choices(config, sources.environment ? sources.environment : from_process))
      config.values_[choice.key] = {choice.value, choice.place};
    for (const ServiceOfKey& row : services_of_keys())
      if (PlacedValue& value = config.values_.find(row.key)->second;
          value.value == "auto" && !row.own.empty())
        value.value = row.own;
  }
  if (errors.empty()) check_model_specs(config, errors);
  if (errors.empty()) check_recognizer_specs(config, errors);
  if (!errors.empty()) throw ConfigError(std::move(errors));
  for (auto& [name, value] : config.values_)
    if (!value.value.empty() && names_file(config, name))
      value.value = resolved(value.value, of_file.contains(name) ? parent_of(sources.file) : sources.folder);
  return config;
}

Config Config::load(const std::string& file, const std::vector<std::string>& overrides) {
  return load(ConfigSources{file, false, {}, overrides});
}

std::string Config::snapshot(std::string_view program) const {
  json::Writer out;
  out.begin_object();
  for (const ConfigKey& key : config_keys())
    if (!key.secret || has_word(key.programs, program)) out.member(key.name, text(key.name));
  return out.end_object().str();
}

Config Config::from_snapshot(std::string_view json) {
  const json::Document document = json::parse(json);
  Config config;
  std::vector<std::string> errors;
  for (const ConfigKey& key : config_keys()) {
    // A key that the snapshot does not have is a secret of another program.
    const std::string_view value = document.get(key.name).as_string(key.fallback);
    config.set(key, {std::string(value), "configuration of the supervisor: "}, 1, errors);
  }
  if (!errors.empty()) throw ConfigError(std::move(errors));
  return config;
}

const PlacedValue& Config::at(std::string_view key) const {
  const auto value = values_.find(key);
  if (value == values_.end())
    throw UsageError("bug: configuration key " + std::string(key) + " is not in the table");
  return value->second;
}

const std::string& Config::text(std::string_view key) const { return at(key).value; }
const std::string& Config::place(std::string_view key) const { return at(key).place; }

const std::string& Config::raw(std::string_view key, ConfigType type) const {
  const ConfigKey* row = find_key(key);
  if (row == nullptr || row->type != type)
    throw UsageError("bug: configuration key " + std::string(key) + " is not in the table with that type");
  return at(key).value;
}

const std::string& Config::get_string(std::string_view key) const { return raw(key, ConfigType::kString); }
const std::string& Config::get_tables(std::string_view key) const { return raw(key, ConfigType::kTables); }
long Config::get_int(std::string_view key) const {
  return std::strtol(raw(key, ConfigType::kInt).c_str(), nullptr, 10);
}
double Config::get_double(std::string_view key) const {
  return std::strtod(raw(key, ConfigType::kDouble).c_str(), nullptr);
}
bool Config::get_bool(std::string_view key) const { return raw(key, ConfigType::kBool) == "true"; }

std::vector<std::string> Config::get_list(std::string_view key) const {
  const json::Document document = json::parse(raw(key, ConfigType::kList));
  std::vector<std::string> list;
  for (std::size_t i = 0; i < document.root().size(); ++i)
    list.emplace_back(document.root().at(i).as_string());
  return list;
}

std::string Config::language() const {
  const std::string& configured = get_string("general.language");
  if (configured != "auto") return configured;
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

}  // namespace prot::stage
