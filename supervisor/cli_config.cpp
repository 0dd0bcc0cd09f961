// prot config keys: which services have a key or an address, where that stands, and which are in use.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli.hpp"
#include "cli_print.hpp"
#include "programs.hpp"
#include "services/services.hpp"
#include "stage/implied_choices.hpp"

namespace prot::supervisor {
namespace {
using services::Service;

/// A key that is set somewhere. It never holds the key itself.
struct KeyPlace {
  std::string name;
  std::string from;  // "environment", "/home/me/.env:3"; empty: it is not set
};

struct ServiceKeys {
  Service service;
  KeyPlace key;
  std::string address;       // as it may be shown
  std::string address_from;  // "default", "environment HASS_URL", "/home/me/prot.toml:3", "--set"
  std::string chosen_by;     // "stt.engine", only of what is in use
  std::string chosen_from;
  std::string needs;  // a key of the configuration, without which its own key does not choose it
};

// "prot.toml:3: " -> "prot.toml:3"; what no place names is the default.
std::string shown_place(std::string place) {
  while (place.ends_with(' ') || place.ends_with(':')) place.pop_back();
  return place.empty() ? "default" : place;
}

// "environment NAME: ", ".env:3: NAME: ": the name is said beside it.
KeyPlace place_of(const std::string& name, const LayeredEnvironment& environment, const EnvFile& file) {
  KeyPlace key{name, {}};
  const std::optional<stage::PlacedValue> value = environment.find(name, file);
  if (!value || value->value.empty()) return key;
  key.from = shown_place(value->place);
  const std::string behind = ": " + name;
  if (key.from.ends_with(behind)) key.from.resize(key.from.size() - behind.size());
  if (key.from == "environment " + name) key.from = "environment";
  return key;
}

std::string address_of(const Service& service) {
  if (service.url.empty()) return {};
  return service.protocol == "postgres" ? "set (not shown)" : services::shown_address(service);
}

std::string missing_for(const ServiceKeys& row, const stage::Config& config) {
  if (row.service.in_use || row.key.from.empty()) return {};
  for (const stage::ServiceOfKey& choice : stage::services_of_keys()) {
    const bool its =
        choice.key.starts_with(row.service.program + ".") && choice.secret_of(config) == row.key.name;
    const bool open = shown_place(config.place(choice.key)) == "default";
    if (its && open && !choice.needs.empty() && config.text(choice.needs).empty())
      return std::string(choice.needs);
  }
  return {};
}

ServiceKeys look_at(const Service& service, const Configuration& loaded,
                    const LayeredEnvironment& environment) {
  ServiceKeys row;
  row.service = service;
  row.key = place_of(service.key_name, environment, loaded.env_file);
  row.address = address_of(service);
  const bool own =
      service.in_use || service.chosen_by == service.url_key;  // else it stands there for another one
  if (!row.address.empty() && service.chosen_by != "brain.fallback")
    row.address_from = own ? shown_place(loaded.config.place(service.url_key)) : "default";
  if (service.in_use) {
    row.chosen_by = service.chosen_by.substr(0, service.chosen_by.find(' '));
    row.chosen_from = shown_place(loaded.config.place(row.chosen_by));
  }
  row.needs = missing_for(row, loaded.config);
  return row;
}

std::string key_text(const ServiceKeys& row) {
  if (row.service.key_name.empty()) return {};
  const std::string name = services::shown_key_name(row.key.name);
  if (!row.key.from.empty()) return "key " + name + " from " + row.key.from;
  return "key " + name + (row.service.in_use && row.service.key_needed ? " is NOT SET" : " is not set");
}

void print_row(const ServiceKeys& row) {
  std::vector<std::string> parts;
  if (const std::string key = key_text(row); !key.empty()) parts.push_back(key);
  if (!row.address.empty())
    parts.push_back("address " + row.address +
                    (row.address_from.empty() ? "" : " (" + row.address_from + ")"));
  if (!row.chosen_by.empty()) parts.push_back("chosen by " + row.chosen_by + " (" + row.chosen_from + ")");
  if (!row.needs.empty()) parts.push_back("it needs " + row.needs);
  std::string line;
  for (const std::string& part : parts) line += (line.empty() ? "" : "; ") + part;
  print_shown(stdout, "{:<10} {}: {}\n", row.service.in_use ? "in use" : "not in use", row.service.name,
              line);
}

void write_json(json::Writer& out, const ServiceKeys& row) {
  const auto text_or_null = [&](const char* name, const std::string& text) {
    out.key(name);
    if (text.empty())
      out.null();
    else
      out.value(text);
  };
  out.begin_object().member("service", row.service.name).member("in_use", row.service.in_use);
  text_or_null("key", row.service.key_name.empty() ? "" : services::shown_key_name(row.key.name));
  out.member("key_set", !row.key.from.empty());
  text_or_null("key_from", row.key.from);
  text_or_null("address", row.address);
  text_or_null("address_from", row.address_from);
  text_or_null("chosen_by", row.chosen_by);
  text_or_null("chosen_from", row.chosen_from);
  text_or_null("needs", row.needs);
  out.end_object();
}

// Keys that are set and that no service has.
std::vector<KeyPlace> other_keys(const std::vector<ServiceKeys>& rows, const Configuration& loaded,
                                 const LayeredEnvironment& environment) {
  std::vector<KeyPlace> others;
  for (const std::string& name : secret_names(loaded.config)) {
    const bool known = std::any_of(rows.begin(), rows.end(), [&](const ServiceKeys& row) {
      return row.key.name == name || (row.service.protocol == "postgres" && name == "DATABASE_URL");
    });
    if (known) continue;
    if (const KeyPlace key = place_of(name, environment, loaded.env_file); !key.from.empty())
      others.push_back(key);
  }
  return others;
}

}  // namespace

int command_config_keys(const CliRequest& request, char** /*argv*/) {
  const LayeredEnvironment environment;
  const Configuration loaded = load_configuration(config_request(request), environment);
  std::vector<ServiceKeys> rows;
  for (const Service& service : services::known_services(loaded.config)) {
    ServiceKeys row = look_at(service, loaded, environment);
    const bool placed = !row.address_from.empty() && row.address_from != "default";
    if (service.in_use || !row.key.from.empty() || placed) rows.push_back(std::move(row));
  }
  std::stable_partition(rows.begin(), rows.end(), [](const ServiceKeys& row) { return row.service.in_use; });
  const std::vector<KeyPlace> others = other_keys(rows, loaded, environment);
  if (request.json) {
    json::Writer out;
    out.begin_object().key("services").begin_array();
    for (const ServiceKeys& row : rows) write_json(out, row);
    out.end_array().key("other_keys").begin_array();
    for (const KeyPlace& key : others)
      out.begin_object()
          .member("key", services::shown_key_name(key.name))
          .member("key_from", key.from)
          .end_object();
    print_shown_json(out.end_array().end_object().str());
    return 0;
  }
  for (const std::string& line : loaded.warnings) print_shown(stderr, "prot: {}\n", line);
  for (const ServiceKeys& row : rows) print_row(row);
  for (const KeyPlace& key : others)
    print_shown(stdout, "{:<10} key {} from {}\n", "not in use", services::shown_key_name(key.name),
                key.from);
  if (rows.empty() && others.empty())
    fmt::print("no service has a key or an address: prot works on this machine alone\n");
  return 0;
}

}  // namespace prot::supervisor
