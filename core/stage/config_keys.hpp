#pragma once

#include <span>
#include <string>
#include <string_view>

namespace prot::stage {

enum class ConfigType {
  kString,
  kInt,
  kDouble,
  kBool,
  kList,    // of texts
  kTables,  // [[section.key]]: see ConfigKey::fields
};

/// One row of the table of all keys (config_keys.cpp): the only place that names them.
struct ConfigKey {
  std::string_view name;  // "capture.end_of_turn_ms"
  ConfigType type = ConfigType::kString;
  std::string_view fallback = {};  // default, as text
  double minimum = 0;              // range of numbers; ignored for others
  double maximum = 0;
  std::string_view unit = {};      // of numbers: "ms"
  std::string_view fields = {};    // of each table: "name! command[]!"; []: a list of texts; !: must be there
  std::string_view choices = {};   // a closed set: "auto en ko"; "warn|warning": one with another spelling
  std::string_view programs = {};  // what a change restarts: "stt tts"; empty: nothing uses it yet
  std::string_view environment = {};  // name in the environment, or empty
  std::string_view also = {};         // an older one, which is weaker
  std::string_view comment = {};      // one line
  int environment_scale = 1;          // the environment's number times this is ours (seconds, we have ms)
  bool fixed = false;                 // cannot change while prot runs
  bool secret = false;                // never shown; given only to `programs`
  bool file = false;                  // a path; a relative one is made whole when it is read
  bool live = false;                  // a change is told to `programs` without a restart
};

/// What the Python original had in place of a key, and why prot's default is another.
struct OriginalDefault {
  std::string_view key;
  std::string_view value;
  std::string_view reason;  // empty: it is the same
};

[[nodiscard]] std::span<const ConfigKey> config_keys() noexcept;
[[nodiscard]] std::span<const OriginalDefault> original_defaults() noexcept;
[[nodiscard]] const ConfigKey* find_key(std::string_view name) noexcept;
/// The known name that looks most like `name`, for "did you mean".
[[nodiscard]] std::string nearest_key(std::string_view name);
/// The section that looks most like `name`.
[[nodiscard]] std::string nearest_section(std::string_view name);
/// A value as a message may show it: of a URL no user and password, nothing behind a control character.
[[nodiscard]] std::string shown_text(std::string_view text);
/// Does `list` ("stt tts") have `word`?
[[nodiscard]] bool has_word(std::string_view list, std::string_view word) noexcept;

/// `text` as it is kept (one spelling for each value), checked against the key's type, range and choices.
/// `scale`: what a number is multiplied with. Throws UsageError without a place.
[[nodiscard]] std::string config_value(const ConfigKey& key, std::string_view text, int scale = 1);
/// A list of tables as JSON, likewise. A field called "name" is a word that no other table has.
[[nodiscard]] std::string tables_value(const ConfigKey& key, std::string_view text);
/// "whole number, 100 to 3000 ms": type, range and unit, for people.
[[nodiscard]] std::string describe_type(const ConfigKey& key);

}  // namespace prot::stage
