#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stage/config_keys.hpp"

/// The names of the environment that prot knows beside those of the configuration's keys.
namespace prot::supervisor {

/// A name that earlier versions had and that has no effect any more.
struct RetiredName {
  std::string_view name;      // "DEEPGRAM_*": all that begin so
  std::string_view harmless;  // with this value nobody is told
  std::string_view reason;
};

/// Names of the Python original whose feature prot does not have yet: they are checked, and nothing uses
/// them. `name` is the environment's, `fallback` the original's default where it is known.
[[nodiscard]] std::span<const stage::ConfigKey> reserved_names() noexcept;
[[nodiscard]] std::span<const RetiredName> retired_names() noexcept;
/// The row that `name` falls under; null: it is not retired.
[[nodiscard]] const RetiredName* find_retired(std::string_view name) noexcept;
/// May a .env file set `name`? (Secrets apart: programs.hpp.)
[[nodiscard]] bool is_configuration_name(std::string_view name) noexcept;

/// The tables of doc/configuration.md behind those of the keys.
[[nodiscard]] std::string environment_tables();

}  // namespace prot::supervisor
