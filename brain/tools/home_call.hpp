#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.hpp"
#include "tools/entity_catalog.hpp"
#include "tools/tool.hpp"

namespace prot::brain {

/// "light.living_room": ^[a-z_]+\.[a-z0-9_]+$
[[nodiscard]] bool is_entity_id(std::string_view text) noexcept;
[[nodiscard]] std::string_view domain_of(std::string_view id) noexcept;

/// What a model wants of Home Assistant, understood and checked as far as that goes without asking.
struct HomeCall {
  bool is_service = false;            // else the state of `name`
  std::string name;                   // entity, or domain.service
  std::string data = "{}";            // JSON object: the request's body
  std::vector<std::string> targets;   // entity ids in it
  std::vector<std::string> mentions;  // other texts in it that look like one
  bool broad = false;                 // it has areas, devices, labels, or "all"

  /// Its first target that is not in the list; none: all are.
  [[nodiscard]] std::optional<std::string> unknown(const Entities& entities) const;
};
/// Throws Error: what is wrong, for the model.
[[nodiscard]] HomeCall read_home_call(json::View arguments);

/// Which calls a person has to agree to: those whose service, or one of whose targets, is of a domain that is
/// not known to be harmless, for nobody sees what a script or a button opens. Immutable.
class HomeConsent {
 public:
  /// Domains that need a yes, and that need none, besides the built-in ones (home_consent.cpp). A domain in
  /// both needs one.
  explicit HomeConsent(std::vector<std::string> confirm = {}, std::vector<std::string> free = {});

  [[nodiscard]] std::optional<Consent> for_call(const HomeCall& call, const Entities& entities) const;
  /// Of words for the conversation agent: they name such a thing, or an entity of such a domain.
  [[nodiscard]] std::optional<Consent> for_words(std::string_view command, const Entities& entities) const;

 private:
  [[nodiscard]] bool is_listed(std::string_view domain) const;
  [[nodiscard]] bool is_free(std::string_view domain) const;
  [[nodiscard]] bool is_grave(std::string_view domain) const;
  [[nodiscard]] bool is_grave_target(const std::string& id, const Entities& entities) const;
  [[nodiscard]] bool is_grave(const HomeCall& call, const Entities& entities) const;

  std::vector<std::string> confirm_;
  std::vector<std::string> free_;
};

}  // namespace prot::brain
