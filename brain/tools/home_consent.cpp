// Which calls of Home Assistant a person has to agree to, and what they are asked.
#include <algorithm>
#include <array>
#include <utility>

#include "text/normalize.hpp"
#include "text/utf8.hpp"
#include "tools/home_call.hpp"

namespace prot::brain {
namespace {

constexpr std::array<std::string_view, 9> kDomains = {
    "alarm_control_panel", "cover",        "garage", "garage_door", "lock", "valve", "hassio",
    "python_script",       "shell_command"};

/// How a service is spoken of; {} is what it is done to.
struct Verb {
  std::string_view service;  // or its beginning, with *
  std::string_view en, ko;
  std::string_view words;  // that a yes may repeat
};
constexpr std::array<Verb, 13> kVerbs = {{
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
    {"*", "Run {service} on {}.", "{}에 {service} 실행.", ""},
}};

/// Words by which the conversation agent is told to do such a thing. A false alarm costs a question.
struct Telling {
  std::string_view domain;
  std::string_view words;
};
constexpr std::array<Telling, 4> kTelling = {{
    {"lock", "lock unlock latch bolt door 잠금 잠그 잠가 잠궈 자물쇠 도어락 현관 대문 문열 문을열 문좀열"},
    {"cover",
     "cover garage gate door blind blinds shutter shutters curtain curtains awning 차고 대문 셔터 블라인드 "
     "커튼 "
     "어닝"},
    {"alarm_control_panel", "alarm arm disarm security 경보 경비 보안 알람해제"},
    {"valve", "valve gas water 밸브 가스"},
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

std::string names_of(const HomeCall& call, const Entities& entities, bool korean) {
  constexpr std::size_t kSpoken = 3;
  std::string out;
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

HomeConsent::HomeConsent(std::vector<std::string> domains) : domains_(std::move(domains)) {
  if (domains_.empty()) domains_.assign(kDomains.begin(), kDomains.end());
}

bool HomeConsent::has(std::string_view domain) const {
  return std::find(domains_.begin(), domains_.end(), domain) != domains_.end();
}

bool HomeConsent::is_grave(const HomeCall& call) const {
  const std::string_view domain = domain_of(call.name);
  if (has(domain)) return true;
  const auto any = [this](const std::vector<std::string>& ids) {
    return std::any_of(ids.begin(), ids.end(), [this](const auto& id) { return has(domain_of(id)); });
  };
  if (any(call.targets) || any(call.mentions)) return true;
  if (domain != "homeassistant") return false;
  // These go to any domain; the others change the server.
  constexpr std::array<std::string_view, 4> kPlain = {"turn_on", "turn_off", "toggle", "update_entity"};
  const std::string_view service = std::string_view(call.name).substr(domain.size() + 1);
  const bool is_plain = std::find(kPlain.begin(), kPlain.end(), service) != kPlain.end();
  const bool has_group = std::any_of(call.targets.begin(), call.targets.end(),
                                     [](const auto& id) { return domain_of(id) == "group"; });
  return !is_plain || call.broad || has_group || call.targets.empty();
}

std::optional<Consent> HomeConsent::for_call(const HomeCall& call, const Entities& entities) const {
  if (!call.is_service || !is_grave(call)) return std::nullopt;
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(),
                                 [&](const Verb& one) { return fits(one.service, call.name); });
  const std::string service = replaced(call.name, ".", " ");
  Consent consent;
  consent.en = replaced(replaced(verb->en, "{service}", service), "{}", names_of(call, entities, false));
  consent.ko = replaced(replaced(verb->ko, "{service}", service), "{}", names_of(call, entities, true));
  for (const std::string_view word : split(verb->words)) consent.words.emplace_back(word);
  for (const std::string& id : call.targets) consent.words.emplace_back(entities.name_of(id));
  return consent;
}

std::optional<Consent> HomeConsent::for_words(std::string_view command, const Entities* entities) const {
  const std::vector<std::string> words = text::words(command);
  std::string joined;
  for (const std::string& word : words) joined += word;
  const auto tells = [&](std::string_view word) {
    const bool ascii = static_cast<unsigned char>(word.front()) < 0x80;
    return ascii ? std::find(words.begin(), words.end(), word) != words.end()
                 : joined.find(word) != std::string::npos;
  };
  bool grave = false;
  for (const Telling& telling : kTelling) {
    if (!has(telling.domain)) continue;
    for (const std::string_view word : split(telling.words)) grave = grave || tells(word);
  }
  if (entities != nullptr && !grave)
    for (const auto& [id, name] : entities->names) {
      if (!has(domain_of(id)) || name.empty()) continue;
      std::string spoken;
      for (const std::string& word : text::words(name)) spoken += word;
      grave = grave || (!spoken.empty() && joined.find(spoken) != std::string::npos);
    }
  if (!grave) return std::nullopt;
  const std::string said = plain(command, 200);
  return Consent{"Tell Home Assistant: " + said + ".", "홈 어시스턴트에 말하기: " + said + ".", {said}};
}

}  // namespace prot::brain
