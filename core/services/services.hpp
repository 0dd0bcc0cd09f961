#pragma once

#include <string>
#include <vector>

#include "stage/config.hpp"

namespace prot::services {

/// One service that prot can use, as the configuration has it. A value; it never holds a key.
struct Service {
  std::string name;        // "ElevenLabs recognition"
  std::string program;     // the stage that asks it
  std::string protocol;    // how it is asked: see probe.hpp
  std::string url;         // empty: none is configured, and it has none of its own
  std::string url_key;     // of the configuration
  std::string key_name;    // environment variable that holds its key; empty: it has none
  bool key_needed = true;  // a server in the house may do without
  std::string model;
  std::string chosen_by;  // keys of the configuration, with spaces between; the first one is in force
  bool in_use = false;
  std::string plain_key;  // of the configuration: may the key go there unencrypted?
  std::string ca_file;
};

/// Every service that prot knows, those in use first for each of their kind. The models of brain.fallback are
/// services of their own.
[[nodiscard]] std::vector<Service> known_services(const stage::Config& config);

/// Would another machine get key and words unencrypted, which the configuration does not allow?
[[nodiscard]] bool is_refused_plain(const Service& service, const stage::Config& config);

/// Where it is, without what may be secret in that. REQUIRES: it is no database, whose address may hold its
/// password in more than one form.
[[nodiscard]] std::string shown_address(const Service& service);

/// The name of a key as it may be shown: what is no name of the environment in capitals may be the key
/// itself, put into the wrong place.
[[nodiscard]] std::string shown_key_name(const std::string& name);

}  // namespace prot::services
