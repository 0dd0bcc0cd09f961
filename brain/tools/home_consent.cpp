// Which calls of Home Assistant a person has to agree to, and what they are asked.
#include <algorithm>
#include <array>
#include <utility>

#include "text/normalize.hpp"
#include "text/utf8.hpp"
#include "tools/home_call.hpp"

namespace prot::brain {
namespace {

// What is done to these is done by itself, and can be undone. A domain that is not here may open a door in a
// way of its own: a script, a scene, a button, a remote control, a sentence for the conversation agent.
constexpr std::array<std::string_view, 19> kHarmless = {
    "climate",       "counter",      "fan",        "humidifier", "input_boolean", "input_datetime",
    "input_number",  "input_select", "input_text", "light",      "media_player",  "persistent_notification",
    "shopping_list", "switch",       "timer",      "todo",       "tts",           "vacuum",
    "weather"};
// Harmless as such, but what hangs on them is told by their name alone.
constexpr std::array<std::string_view, 2> kSwitches = {"input_boolean", "switch"};
// Nothing can be done to them: that a sentence has the name of one means nothing.
constexpr std::array<std::string_view, 15> kPassive = {"assist_satellite",
                                                       "binary_sensor",
                                                       "calendar",
                                                       "conversation",
                                                       "device_tracker",
                                                       "event",
                                                       "geo_location",
                                                       "image",
                                                       "person",
                                                       "sensor",
                                                       "stt",
                                                       "sun",
                                                       "tag",
                                                       "wake_word",
                                                       "zone"};
// These are meant wherever a text says so, known or not.
constexpr std::array<std::string_view, 11> kGrave = {
    "alarm_control_panel", "automation", "cover",  "garage",        "garage_door", "lock",
    "python_script",       "scene",      "script", "shell_command", "valve"};

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& list, std::string_view domain) {
  return std::find(list.begin(), list.end(), domain) != list.end();
}

/// How a service is spoken of; {} is what it is done to.
struct Verb {
  std::string_view service;  // or its beginning, with *
  std::string_view en, ko;
  std::string_view words;  // that a yes may repeat
};
constexpr std::array<Verb, 24> kVerbs = {{
    {"lock.unlock", "Unlock {}.", "{} 잠금 해제.", "unlock open 열어줘 열어주세요 열어 풀어줘 해제해줘 해제"},
    {"lock.lock", "Lock {}.", "{} 잠그기.", "lock 잠가줘 잠궈줘 잠가주세요 잠가"},
    {"lock.open", "Open {}.", "{} 열기.", "open 열어줘 열어주세요 열어"},
    {"cover.open*", "Open {}.", "{} 열기.", "open raise up 열어줘 열어주세요 열어 올려줘"},
    {"cover.close*", "Close {}.", "{} 닫기.", "close lower down shut 닫아줘 닫아주세요 닫아 내려줘"},
    {"cover.stop*", "Stop {}.", "{} 멈추기.", "stop"},
    {"cover.set*", "Move {}.", "{} 움직이기.", "move"},
    {"valve.open*", "Open {}.", "{} 열기.", "open 열어줘 열어"},
    {"valve.close*", "Close {}.", "{} 닫기.", "close shut 닫아줘 닫아 잠가줘"},
    {"alarm_control_panel.alarm_disarm", "Disarm {}.", "{} 경비 해제.", "disarm off 꺼줘 해제해줘 해제"},
    {"alarm_control_panel.alarm_arm*", "Arm {}.", "{} 경비 시작.", "arm on 켜줘 설정해줘"},
    {"alarm_control_panel.alarm_trigger", "Set off {}.", "{} 경보 울리기.", "trigger"},
    {"script.turn_off", "Stop {}.", "{} 멈추기.", "stop 멈춰줘"},
    {"script.reload", "Run {service}.", "{service} 실행.", ""},
    {"script.*", "Run {}.", "{} 실행.", "run start 실행해줘 시작해줘 켜줘"},
    {"scene.turn_on", "Activate {}.", "{} 실행.", "activate set on 실행해줘 켜줘"},
    {"automation.trigger", "Run {}.", "{} 실행.", "run start trigger 실행해줘"},
    {"automation.turn_on", "Switch {} on.", "{} 켜기.", "on 켜줘"},
    {"automation.turn_off", "Switch {} off.", "{} 끄기.", "off 꺼줘"},
    {"switch.turn_on", "Switch {} on.", "{} 켜기.", "on 켜줘"},
    {"switch.turn_off", "Switch {} off.", "{} 끄기.", "off 꺼줘"},
    {"button.press", "Press {}.", "{} 누르기.", "press 눌러줘"},
    {"input_button.press", "Press {}.", "{} 누르기.", "press 눌러줘"},
    {"*", "Run {service} on {}.", "{}에 {service} 실행.", ""},
}};

/// Words by which the conversation agent is told to do such a thing. A false alarm costs a question.
struct Telling {
  std::string_view domain;
  std::string_view words;
};
constexpr std::array<Telling, 7> kTelling = {{
    {"lock",
     "lock locks unlock latch bolt deadbolt door doors 잠금 잠그 잠가 잠궈 자물쇠 도어락 현관 대문 문열 "
     "문을열 문좀열"},
    {"cover",
     "cover covers garage garages gate gates door doors blind blinds shutter shutters curtain curtains "
     "awning 차고 대문 셔터 블라인드 "
     "커튼 "
     "어닝"},
    {"alarm_control_panel", "alarm arm disarm security 경보 경비 보안 알람해제"},
    {"valve", "valve gas water 밸브 가스"},
    {"script", "script routine 스크립트 루틴"},
    {"scene", "scene 장면"},
    {"automation", "automation automations trigger 자동화"},
}};

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// The words of a sentence, a name or an id, and all of them without spaces between: Korean's are not to be
/// relied on.
struct Sentence {
  std::vector<std::string> words;
  std::string joined;

  explicit Sentence(std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '_', ' ');
    words = text::words(spaced);
    for (const std::string& word : words) joined += word;
  }
  [[nodiscard]] bool tells(std::string_view word) const {
    const bool ascii = static_cast<unsigned char>(word.front()) < 0x80;
    return ascii ? std::find(words.begin(), words.end(), word) != words.end()
                 : joined.find(word) != std::string::npos;
  }
  [[nodiscard]] bool tells_any(std::string_view list) const {
    const std::vector<std::string_view> each = split(list);
    return std::any_of(each.begin(), each.end(), [this](const auto& word) { return tells(word); });
  }
};

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out(text);
  if (const auto at = out.find(what); at != std::string::npos) out.replace(at, what.size(), by);
  return out;
}

bool fits(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

// A name is spoken, and comes from outside: no line breaks, no sentence of its own.
std::string plain(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text::truncate_utf8(text, most))
    out +=
        static_cast<unsigned char>(c) < 0x20 || std::string_view(".!?\"<>").find(c) != std::string_view::npos
            ? ' '
            : c;
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// What it would say or send: that is the matter of it.
std::string words_in(const HomeCall& call) {
  const json::Document data = json::parse(call.data);
  for (const char* key : {"text", "message", "command", "payload"})
    if (const std::string_view said = data.get(key).as_string(); !said.empty())
      return ": " + plain(said, 200);
  return {};
}

std::string names_of(const HomeCall& call, const Entities& entities, bool korean) {
  constexpr std::size_t kSpoken = 3;
  std::string out;
  if (call.targets.empty() && !call.broad && entities.has(call.name))  // script.good_night is both
    return plain(entities.name_of(call.name), Entities::kLongestName);
  for (std::size_t i = 0; i < std::min(call.targets.size(), kSpoken); ++i)
    out += (i == 0 ? "" : ", ") + plain(entities.name_of(call.targets[i]), Entities::kLongestName);
  if (call.targets.size() > kSpoken) {
    const std::string more = std::to_string(call.targets.size() - kSpoken);
    out += korean ? " 외 " + more + "개" : " and " + more + " more";
  }
  if (call.broad || out.empty()) {
    if (!out.empty()) out += korean ? " 그리고 " : " and ";
    out += korean ? "해당하는 모두" : "everything that it covers";
  }
  return out;
}

}  // namespace

HomeConsent::HomeConsent(std::vector<std::string> confirm, std::vector<std::string> free)
    : confirm_(std::move(confirm)), free_(std::move(free)) {}

bool HomeConsent::is_listed(std::string_view domain) const {
  return std::find(confirm_.begin(), confirm_.end(), domain) != confirm_.end();
}

bool HomeConsent::is_free(std::string_view domain) const {
  return std::find(free_.begin(), free_.end(), domain) != free_.end();
}

bool HomeConsent::is_grave(std::string_view domain) const {
  return is_listed(domain) || (!is_free(domain) && !is_in(kHarmless, domain));
}

// A relay that opens the garage is a switch, too.
bool HomeConsent::is_grave_target(const std::string& id, const Entities& entities) const {
  const std::string_view domain = domain_of(id);
  if (is_grave(domain)) return true;
  if (!is_in(kSwitches, domain) || is_free(domain)) return false;
  const Sentence its_id(std::string_view(id).substr(domain.size() + 1));
  const Sentence its_name(entities.name_of(id));
  return std::any_of(kTelling.begin(), kTelling.end(), [&](const Telling& telling) {
    return is_grave(telling.domain) && (its_id.tells_any(telling.words) || its_name.tells_any(telling.words));
  });
}

bool HomeConsent::is_grave(const HomeCall& call, const Entities& entities) const {
  if (call.name == "homeassistant.update_entity") return false;  // it looks anew, whatever it is
  const auto grave_target = [&](const auto& id) { return is_grave_target(id, entities); };
  const auto grave_mention = [&](const auto& id) {  // most texts that look like an entity are none
    return is_grave(domain_of(id)) && (is_in(kGrave, domain_of(id)) || entities.has(id));
  };
  if (std::any_of(call.targets.begin(), call.targets.end(), grave_target) ||
      std::any_of(call.mentions.begin(), call.mentions.end(), grave_mention))
    return true;
  // These go to any domain; other services of the server change it.
  constexpr std::array<std::string_view, 3> kPlain = {"homeassistant.turn_on", "homeassistant.turn_off",
                                                      "homeassistant.toggle"};
  if (is_in(kPlain, call.name)) return call.broad || call.targets.empty() || is_listed("homeassistant");
  return is_grave(domain_of(call.name));
}

std::optional<Consent> HomeConsent::for_call(const HomeCall& call, const Entities& entities) const {
  if (!call.is_service || !is_grave(call, entities)) return std::nullopt;
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(),
                                 [&](const Verb& one) { return fits(one.service, call.name); });
  std::string service = replaced(call.name, ".", " ");
  std::replace(service.begin(), service.end(), '_', ' ');
  const bool done_to_nothing = call.targets.empty() && !call.broad && !entities.has(call.name);
  const bool bare = done_to_nothing && (verb->service == "*" || verb->service == "script.*");
  const auto sentence = [&](std::string_view words, bool korean) {
    return replaced(replaced(words, "{service}", service), "{}", names_of(call, entities, korean));
  };
  Consent consent;
  consent.en = bare ? "Run " + service + words_in(call) + "." : sentence(verb->en, false);
  consent.ko = bare ? service + " 실행" + words_in(call) + "." : sentence(verb->ko, true);
  for (const std::string_view word : split(verb->words)) consent.words.emplace_back(word);
  for (const std::string& id : call.targets) consent.words.emplace_back(entities.name_of(id));
  if (call.targets.empty() && entities.has(call.name))
    consent.words.emplace_back(entities.name_of(call.name));
  return consent;
}

std::optional<Consent> HomeConsent::for_words(std::string_view command, const Entities& entities) const {
  const Sentence said_words(command);
  bool grave = std::any_of(kTelling.begin(), kTelling.end(), [&](const Telling& telling) {
    return is_grave(telling.domain) && said_words.tells_any(telling.words);
  });
  if (!grave)
    for (const auto& [id, name] : entities.names) {
      const std::string_view domain = domain_of(id);
      if (!is_grave(domain) || (is_in(kPassive, domain) && !is_listed(domain))) continue;
      const std::string spoken = Sentence(name).joined;
      grave = grave || (!spoken.empty() && said_words.joined.find(spoken) != std::string::npos);
    }
  if (!grave) return std::nullopt;
  const std::string said = plain(command, 200);
  return Consent{"Tell Home Assistant: " + said + ".", "홈 어시스턴트에 말하기: " + said + ".", {said}};
}

}  // namespace prot::brain
