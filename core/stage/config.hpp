#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prot::stage {

enum class ConfigType { kString, kInt, kDouble, kBool };

/// One row of the table of all keys (config_keys.cpp): the only place that names them.
struct ConfigKey {
  std::string_view name;  // "capture.end_of_turn_ms"
  ConfigType type;
  std::string_view fallback;  // default, as text
  double minimum;             // range of numbers; ignored for others
  double maximum;
  std::string_view environment;  // name in the environment, or ""
  std::string_view comment;      // one line
};
[[nodiscard]] std::span<const ConfigKey> config_keys() noexcept;

/// The configuration: defaults < prot.toml < environment < overrides ("key=value"). Immutable after load, so
/// it may be read from any thread.
class Config {
 public:
  /// Loads; a missing file means defaults. Throws UsageError with file:line for an unknown or wrong key.
  static Config load(const std::string& file, const std::vector<std::string>& overrides);

  // REQUIRES: the key is in the table with that type (else a UsageError: a bug in prot).
  [[nodiscard]] const std::string& get_string(std::string_view key) const;
  [[nodiscard]] long get_int(std::string_view key) const;
  [[nodiscard]] double get_double(std::string_view key) const;
  [[nodiscard]] bool get_bool(std::string_view key) const;

  /// "en" or "ko": general.language, with "auto" resolved from the locale.
  [[nodiscard]] std::string language() const;
  /// A model's path: the key's value, or when it is empty `cache`/models/`file`.
  [[nodiscard]] std::string model_path(std::string_view key, const std::string& cache,
                                       std::string_view file) const;

  /// prot.toml with every key, commented out, with its default, range and comment.
  [[nodiscard]] static std::string example();

 private:
  [[nodiscard]] const std::string& raw(std::string_view key, ConfigType type) const;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace prot::stage
