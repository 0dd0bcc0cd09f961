#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stage/config.hpp"

namespace prot::stage {

/// A service that a key in the environment chose: the configuration left it open.
struct ImpliedChoice {
  std::string key;     // "stt.engine"
  std::string value;   // "elevenlabs"
  std::string secret;  // "ELEVENLABS_API_KEY"
  std::string place;   // where that stands, as PlacedValue has it
};

/// Which key of a service stands in for which "auto" of the configuration.
struct ServiceOfKey {
  std::string_view key;
  std::string_view service;        // what it becomes
  std::string_view own;            // what it is without; empty: who reads it knows
  std::string_view needs = {};     // another key of the configuration, which must not be empty
  std::string_view unless = {};    // another one, which must be
  std::string_view name_key = {};  // the one that names the secret
  std::string_view name = {};      // the secret's name where there is none
  std::string_view only_if = {};   // where this key is false, nobody would use it

  [[nodiscard]] std::string secret_of(const Config& config) const;
};
[[nodiscard]] std::span<const ServiceOfKey> services_of_keys() noexcept;

using EnvironmentLookup = std::function<std::optional<PlacedValue>(std::string_view name)>;

/// Who has the key of a service, under the names that the Python original had, wants that service. Nothing
/// where general.keys_choose is off.
[[nodiscard]] std::vector<ImpliedChoice> implied_choices(const Config& config,
                                                         const EnvironmentLookup& environment);

}  // namespace prot::stage
