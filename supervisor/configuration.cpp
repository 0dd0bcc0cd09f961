#include "configuration.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/utf8.hpp"
#include "environment_names.hpp"
#include "implied.hpp"
#include "programs.hpp"

extern char** environ;  // NOLINT

namespace prot::supervisor {
namespace {
using stage::ConfigKey;
using stage::PlacedValue;

struct NamedFile {
  const char* key;
  int access;
  bool text = false;  // UTF-8
};
// Keys that name a file which must be there.
constexpr NamedFile kFiles[] = {
    {"brain.persona_file", R_OK, true}, {"capture.vad_model", R_OK}, {"stt.model", R_OK},
    {"tts.piper_model", R_OK},          {"llm.model", R_OK},         {"llm.program", X_OK},
};

bool is_utf8(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return utf8::is_valid(text.str());
}

bool may_set(std::string_view name, const stage::Config& config) {
  return is_configuration_name(name) || is_secret(name, config);
}

void check_reserved(const LayeredEnvironment& environment, const EnvFile& file, Configuration& loaded,
                    std::vector<std::string>& errors) {
  const auto check = [&](const ConfigKey& key, std::string_view name) {
    const std::optional<PlacedValue> value = environment.find(name, file);
    if (!value || value->value.empty()) return;
    loaded.unused.emplace_back(name);
    try {
      static_cast<void>(config_value(key, value->value));
    } catch (const UsageError& e) {
      errors.push_back(value->place + e.what());
    }
  };
  for (const ConfigKey& key : reserved_names()) check(key, key.name);
  // These were checked with the other keys; that nothing uses them is still worth a word.
  for (const ConfigKey& key : stage::config_keys())
    if (const auto value = environment.find(key.environment, file);
        key.programs.empty() && value && !value->value.empty())
      loaded.unused.emplace_back(key.environment);
}

void warn_of_retired(const LayeredEnvironment& environment, const EnvFile& file, Configuration& loaded) {
  std::vector<std::string> names = environment.real_names();
  for (const EnvEntry& entry : file.entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    const RetiredName* row = find_retired(name);
    const std::optional<PlacedValue> value = environment.find(name, file);
    if (row == nullptr || !value || value->value.empty() || value->value == row->harmless) continue;
    loaded.warnings.push_back(value->place + "has no effect any more: " + std::string(row->reason));
  }
}

stage::Config read_config(const ConfigRequest& request, const LayeredEnvironment& environment,
                          const EnvFile& file, const std::vector<std::string>& more = {}) {
  std::vector<std::string> overrides = more;  // those of the command line are stronger
  overrides.insert(overrides.end(), request.overrides.begin(), request.overrides.end());
  return stage::Config::load({request.file, request.file_required,
                              [&](std::string_view name) { return environment.find(name, file); }, overrides,
                              request.folder});
}

// Whoever has a key for something else must hear where the words go.
void apply_choices(const ConfigRequest& request, const LayeredEnvironment& environment,
                   Configuration& loaded) {
  const auto choices = choices_in_force(loaded.config, environment, loaded.env_file);
  loaded.choice_note = note_of_choices(loaded.config, choices);
  // Engines are alike for every instance: they are in the cache.
  const auto local = local_engines_last(loaded.config, instance_paths("default"));
  if (!local.empty()) loaded.config = read_config(request, environment, loaded.env_file, local);
}

void warn_of_open_secrets(const EnvFile& file, Configuration& loaded) {
  if (!file.readable_by_others) return;
  std::string names;
  for (const EnvEntry& entry : file.entries)
    if (!entry.value.empty() && is_secret(entry.name, loaded.config) &&
        names.find(entry.name) == std::string::npos)
      names += (names.empty() ? "" : ", ") + entry.name;
  if (!names.empty())
    loaded.warnings.push_back(file.path + ": others may read it, and it holds " + names + ": chmod 600 " +
                              file.path);
}

}  // namespace

std::vector<std::string> missing_files(const stage::Config& config) {
  std::vector<std::string> errors;
  for (const NamedFile& named : kFiles) {
    const std::string& file = config.get_string(named.key);
    if (file.empty()) continue;
    const std::string what = config.place(named.key) + named.key + " = " + stage::shown_text(file);
    std::error_code error;
    if (::access(file.c_str(), F_OK) != 0) {
      errors.push_back(what + ": is not there");
    } else if (std::filesystem::is_directory(file, error)) {
      errors.push_back(what + ": is a folder");
    } else if (::access(file.c_str(), named.access) != 0) {
      errors.push_back(what + (named.access == X_OK ? ": cannot be executed" : ": cannot be read"));
    } else if (named.text && !is_utf8(file)) {
      errors.push_back(what + ": is not UTF-8");
    }
  }
  return errors;
}

std::optional<PlacedValue> LayeredEnvironment::find(std::string_view name, const EnvFile& file) const {
  if (name.empty()) return std::nullopt;
  const char* real = applied_.contains(name) ? nullptr : std::getenv(std::string(name).c_str());
  if (real != nullptr) return PlacedValue{real, "environment " + std::string(name) + ": "};
  if (const EnvEntry* entry = file.find(name); entry != nullptr)
    return PlacedValue{entry->value,
                       file.path + ":" + std::to_string(entry->line) + ": " + std::string(name) + ": "};
  return std::nullopt;
}

std::vector<std::string> LayeredEnvironment::real_names() const {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const std::string_view name = pair.substr(0, pair.find('='));
    if (!applied_.contains(name)) names.emplace_back(name);
  }
  return names;
}

void LayeredEnvironment::apply(const EnvFile& file, const stage::Config& config) {
  for (const std::string& name : applied_) ::unsetenv(name.c_str());
  applied_.clear();
  for (const EnvEntry& entry : file.entries) {
    const bool real = !applied_.contains(entry.name) && std::getenv(entry.name.c_str()) != nullptr;
    if (real || !may_set(entry.name, config)) continue;
    ::setenv(entry.name.c_str(), entry.value.c_str(), 1);
    applied_.insert(entry.name);
  }
}

Configuration load_configuration(const ConfigRequest& request, const LayeredEnvironment& environment) {
  Configuration loaded;
  std::vector<std::string> errors;
  loaded.env_file = read_env_file(request.env_file, request.env_file_required, errors);
  const EnvFile& file = loaded.env_file;
  try {
    loaded.config = read_config(request, environment, file);
  } catch (const stage::ConfigError& e) {
    errors.insert(errors.end(), e.lines().begin(), e.lines().end());
  }
  check_reserved(environment, file, loaded, errors);
  if (!errors.empty()) throw stage::ConfigError(std::move(errors));
  warn_of_retired(environment, file, loaded);
  warn_of_open_secrets(file, loaded);
  apply_choices(request, environment, loaded);
  return loaded;
}

}  // namespace prot::supervisor
