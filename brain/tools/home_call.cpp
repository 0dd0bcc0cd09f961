#include "tools/home_call.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kMostTargets = 64;
constexpr std::size_t kLongestId = 255;

bool is_lower(char c) noexcept { return (c >= 'a' && c <= 'z') || c == '_'; }

void add(std::vector<std::string>& list, std::string_view text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

/// Collects what a service's data points to.
class Walker {
 public:
  explicit Walker(HomeCall& call) : call_(call) {}

  void walk(json::View value, bool targets) {
    if (value.is_object()) return walk_object(value, targets);
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) walk(value.at(i), targets);
      return;
    }
    if (value.is_string()) return targets ? take(value.as_string()) : mention(value.as_string());
    if (targets && value) throw Error("entity_id must be text or a list of texts");
  }

 private:
  void walk_object(json::View value, bool targets) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string_view key = value.key_at(i);
      if (targets) {  // scene.apply has {"light.hall": "on"}
        take(key);
        walk(value.at(i), false);
        continue;
      }
      mention(key);
      const bool broad = key.ends_with("area_id") || key.ends_with("device_id") ||
                         key.ends_with("floor_id") || key.ends_with("label_id");
      call_.broad = call_.broad || broad;
      walk(value.at(i),
           key.ends_with("entity_id") || key.ends_with("entity_ids") || key.ends_with("entities"));
    }
  }
  // "light.hall, light.stairs" is a list, too.
  void take(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(','), text.size());
      std::string_view one = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      if (one == "all") {
        call_.broad = true;
      } else if (one != "none") {
        if (!is_entity_id(one))
          throw Error("'" + std::string(text::truncate_utf8(one, 80)) +
                      "' is no entity id; one looks like light.living_room");
        add(call_.targets, one);
      }
    }
    if (call_.targets.size() > kMostTargets) throw Error("more than 64 entities in one call");
  }
  void mention(std::string_view text) {
    if (is_entity_id(text) && call_.mentions.size() < kMostTargets) add(call_.mentions, text);
  }

  HomeCall& call_;
};

// The REST interface does not unwrap a "target".
std::string flat(json::View data) {
  json::Writer out;
  out.begin_object();
  for (std::size_t i = 0; i < data.size(); ++i) {
    const json::View value = data.at(i);
    const bool wrapped = data.key_at(i) == "target" && value.is_object();
    for (std::size_t j = 0; wrapped && j < value.size(); ++j) out.key(value.key_at(j)).value(value.at(j));
    if (!wrapped) out.key(data.key_at(i)).value(value);
  }
  return out.end_object().str();
}

}  // namespace

bool is_entity_id(std::string_view text) noexcept {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == text.size() || text.size() > kLongestId)
    return false;
  const auto tail = [](char c) { return is_lower(c) || (c >= '0' && c <= '9'); };
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(dot), is_lower) &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(dot) + 1, text.end(), tail);
}

std::string_view domain_of(std::string_view id) noexcept { return id.substr(0, id.find('.')); }

std::optional<std::string> HomeCall::unknown(const Entities& entities) const {
  if (!is_service && !entities.has(name)) return name;
  const auto found =
      std::find_if(targets.begin(), targets.end(), [&](const auto& id) { return !entities.has(id); });
  return found == targets.end() ? std::nullopt : std::optional<std::string>(*found);
}

HomeCall read_home_call(json::View arguments) {
  HomeCall call;
  const std::string_view action = arguments.get("action").as_string();
  if (action != "get_state" && action != "call_service")
    throw Error("action must be get_state or call_service");
  call.is_service = action == "call_service";
  call.name = arguments.get("entity_id").as_string();
  if (!is_entity_id(call.name))
    throw Error(call.is_service ? "entity_id must be domain.service, such as light.turn_on"
                                : "entity_id must look like light.living_room");
  const json::View data = arguments.get("service_data");
  if (!call.is_service || !data) return call;
  json::Document parsed;
  if (data.is_string()) parsed = json::parse(data.as_string());  // some models send JSON within JSON
  const json::View object = data.is_string() ? parsed.root() : data;
  if (!object.is_object()) throw Error("service_data must be an object");
  call.data = flat(object);
  const json::Document body = json::parse(call.data);
  Walker(call).walk(body.root(), false);
  return call;
}

}  // namespace prot::brain
