#include "tools/home_assistant.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kLongestValue = 120;
constexpr std::size_t kMostChanged = 8;

// What people ask about; an entity can have a hundred others.
constexpr std::array<std::string_view, 18> kAttributes = {
    "unit_of_measurement", "device_class",     "brightness",       "color_temp_kelvin", "current_temperature",
    "temperature",         "humidity",         "current_humidity", "hvac_action",       "fan_mode",
    "preset_mode",         "current_position", "battery_level",    "media_title",       "media_artist",
    "volume_level",        "source",           "next_rising"};

/// One use: the list of entities where it is needed, then the request.
class HomeUse final : public ToolUse {
 public:
  HomeUse(std::shared_ptr<Home> home, HomeCall call, bool agreed)
      : home_(std::move(home)), call_(std::move(call)), agreed_(agreed) {
    if (!home_->catalog.entities()) tries_ = home_->catalog.refresh();
  }
  ~HomeUse() override {
    if (request_ != 0) home_->link.cancel(request_);
  }
  HomeUse(const HomeUse&) = delete;
  HomeUse& operator=(const HomeUse&) = delete;

  std::optional<std::string> poll(Nanos now) override {
    (void)now;
    if (consent_) return std::nullopt;
    if (request_ == 0 && !begin()) return std::nullopt;
    std::optional<HomeAnswer> answer = home_->link.take(request_);
    if (!answer) return std::nullopt;
    request_ = 0;
    const bool done = call_.is_service && (answer->status == 0 || answer->status >= 500);
    if (!answer->failure.empty())
      throw Error(answer->failure + (done ? "; whether the call took effect is not known" : ""));
    return call_.is_service ? told_service(*answer, *entities_) : told_state(answer->body);
  }
  const Consent* needs_consent() const override { return consent_ ? &*consent_ : nullptr; }

 private:
  // False: not yet, or not before a person agrees.
  bool begin() {
    if (home_->catalog.tries() < tries_) return false;
    entities_ = home_->catalog.entities();
    if (!entities_) throw Error(home_->catalog.failure());
    if (const std::optional<std::string> id = call_.unknown(*entities_)) {
      if (std::exchange(looked_again_, true)) throw Error(unknown_words(*id));
      tries_ = home_->catalog.refresh();  // perhaps it is new
      return begin();
    }
    if (!agreed_) consent_ = home_->consent.for_call(call_, *entities_);
    if (consent_) return false;
    if (call_.is_service) {
      request_ =
          home_->link.post("/api/services/" + service_path(), call_.data, home_->link.options().time_limit);
    } else {
      request_ = home_->link.get("/api/states/" + call_.name);
    }
    return true;
  }
  [[nodiscard]] std::string service_path() const {
    std::string path = call_.name;
    path[path.find('.')] = '/';
    return path;
  }
  [[nodiscard]] std::string unknown_words(const std::string& id) const {
    std::string near;
    for (const std::string& one : entities_->like(id, 5))
      near +=
          (near.empty() ? "; there are: " : ", ") + one + " (" + std::string(entities_->name_of(one)) + ")";
    return "there is no entity " + id + near;
  }

  std::shared_ptr<Home> home_;
  HomeCall call_;
  bool agreed_;
  std::shared_ptr<const Entities> entities_;
  std::uint64_t tries_ = 0;
  bool looked_again_ = false;
  std::optional<Consent> consent_;
  http::RequestId request_ = 0;
};

void write_short(json::Writer& out, std::string_view key, json::View value) {
  if (value.is_string()) {
    out.member(key, text::truncate_utf8(value.as_string(), kLongestValue));
  } else if (value.is_number() || value.is_bool()) {
    out.key(key).value(value);
  }
}

}  // namespace

HomeAssistantTool::HomeAssistantTool(std::shared_ptr<Home> home) : home_(std::move(home)) {
  description_.name = "home_assistant";
  description_.description =
      "Reads and controls the user's home. get_state: entity_id is an entity such as light.living_room. "
      "call_service: entity_id is domain.service such as light.turn_on, and service_data says what it is "
      "done to, "
      R"(such as {"entity_id":"light.living_room","brightness_pct":40}.)";
  description_.schema =
      R"({"type":"object","properties":{"action":{"type":"string","enum":["get_state","call_service"]},)"
      R"("entity_id":{"type":"string","description":"an entity, or domain.service for call_service"},)"
      R"("service_data":{"type":"object","description":"for call_service: its data, with the target's entity_id"}},)"
      R"("required":["action","entity_id"]})";
}

std::string HomeAssistantTool::words() const {
  if (const std::string failure = home_->catalog.failure(); !failure.empty()) return "down: " + failure;
  const std::shared_ptr<const Entities> entities = home_->catalog.entities();
  return entities ? std::to_string(entities->names.size()) + " entities" : "not asked yet";
}

Nanos HomeAssistantTool::time_limit() const { return home_->link.options().time_limit; }

std::unique_ptr<ToolUse> HomeAssistantTool::start(json::View arguments, Nanos now) {
  (void)now;
  return std::make_unique<HomeUse>(home_, read_home_call(arguments), false);
}

std::unique_ptr<ToolUse> HomeAssistantTool::start_agreed(json::View arguments, Nanos now) {
  (void)now;
  return std::make_unique<HomeUse>(home_, read_home_call(arguments), true);
}

std::string told_state(std::string_view state_json) {
  const json::Document document = json::parse(state_json);
  if (!document.root().is_object()) throw Error("Home Assistant's answer makes no sense");
  const json::View attributes = document.get("attributes");
  json::Writer out;
  out.begin_object();
  write_short(out, "entity_id", document.get("entity_id"));
  write_short(out, "name", attributes.get("friendly_name"));
  write_short(out, "state", document.get("state"));
  for (const std::string_view one : kAttributes) write_short(out, one, attributes.get(one));
  write_short(out, "last_changed", document.get("last_changed"));
  return out.end_object().str();
}

std::string told_service(const HomeAnswer& answer, const Entities& entities) {
  json::Writer out;
  out.begin_object().member("result", "done");
  if (!answer.whole) return out.member("changed", "more entities than can be listed").end_object().str();
  const json::Document document = json::parse(answer.body);
  const json::View list = document.root().is_object() ? document.get("changed_states") : document.root();
  if (!list.is_array())
    throw Error("Home Assistant's answer makes no sense; whether the call took effect is not known");
  out.key("changed").begin_array();
  for (std::size_t i = 0; i < std::min(list.size(), kMostChanged); ++i) {
    const std::string_view id = list.at(i).get("entity_id").as_string();
    out.begin_object().member("name", text::truncate_utf8(entities.name_of(id), kLongestValue));
    write_short(out, "state", list.at(i).get("state"));
    out.end_object();
  }
  out.end_array();
  if (list.size() > kMostChanged) out.member("and_more", list.size() - kMostChanged);
  return out.end_object().str();
}

}  // namespace prot::brain
