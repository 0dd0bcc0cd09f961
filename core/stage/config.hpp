#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "stage/config_keys.hpp"

namespace prot::stage {

/// Everything that is wrong with a configuration; each line begins with its place ("prot.toml:3: ").
class ConfigError : public UsageError {
 public:
  explicit ConfigError(std::vector<std::string> lines);
  [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// A value and where it stands, as the beginning of a message ("prot.toml:3: ").
struct PlacedValue {
  std::string value;
  std::string place;
};

/// What a configuration is made of, weakest first: defaults, file, environment, overrides.
struct ConfigSources {
  std::string file = {};
  bool file_required = false;  // else a file that is not there means defaults
  /// The value of a name of the environment; empty function: this process' environment.
  std::function<std::optional<PlacedValue>(std::string_view name)> environment = {};
  std::vector<std::string> overrides = {};  // "key=value"
  /// What relative paths of overrides and of the environment are relative to; empty: the working folder.
  /// Those of the file are relative to its own folder.
  std::string folder = {};
};

/// The configuration. Immutable after load, so it may be read from any thread.
class Config {
 public:
  /// Throws ConfigError with every mistake in it.
  [[nodiscard]] static Config load(const ConfigSources& sources);
  [[nodiscard]] static Config load(const std::string& file, const std::vector<std::string>& overrides);

  /// One JSON object {"key":"value"} with what `program` may know: secrets only where they are used.
  [[nodiscard]] std::string snapshot(std::string_view program) const;
  /// The configuration that a snapshot was taken of. Throws UsageError.
  [[nodiscard]] static Config from_snapshot(std::string_view json);

  // REQUIRES: the key is in the table with that type (else a UsageError: a bug in prot).
  [[nodiscard]] const std::string& get_string(std::string_view key) const;
  [[nodiscard]] long get_int(std::string_view key) const;
  [[nodiscard]] double get_double(std::string_view key) const;
  [[nodiscard]] bool get_bool(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> get_list(std::string_view key) const;
  /// JSON: a list of objects with the fields that the key names.
  [[nodiscard]] const std::string& get_tables(std::string_view key) const;

  /// The value as text, of a key of any type, and where it stands ("": it is the default).
  [[nodiscard]] const std::string& text(std::string_view key) const;
  [[nodiscard]] const std::string& place(std::string_view key) const;

  /// "en" or "ko": general.language, with "auto" resolved from the locale.
  [[nodiscard]] std::string language() const;
  /// A model's path: the key's value, or when it is empty `cache`/models/`file`.
  [[nodiscard]] std::string model_path(std::string_view key, const std::string& cache,
                                       std::string_view file) const;

  /// prot.toml with every key, commented out, with its default, range and comment.
  [[nodiscard]] static std::string example();
  /// The tables of doc/configuration.md: Markdown, one row a key.
  [[nodiscard]] static std::string table();

 private:
  [[nodiscard]] const PlacedValue& at(std::string_view key) const;
  [[nodiscard]] const std::string& raw(std::string_view key, ConfigType type) const;
  void set(const ConfigKey& key, const PlacedValue& value, int scale, std::vector<std::string>& errors);

  std::map<std::string, PlacedValue, std::less<>> values_;
};

}  // namespace prot::stage
