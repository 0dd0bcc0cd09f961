#include "services/answer.hpp"

#include <algorithm>
#include <array>

#include "base/lower_case.hpp"
#include "json/json.hpp"

namespace prot::services {
namespace {

struct Word {
  State state;
  std::string_view name;
  std::string_view says;  // behind the service's name
};
constexpr auto kWords = std::to_array<Word>({
    {State::kOk, "ok", "answers"},
    {State::kUnreachable, "unreachable", "cannot be reached"},
    {State::kNoKey, "no_key", "has no key"},
    {State::kUnencrypted, "unencrypted", "was not asked: its key would go there unencrypted"},
    {State::kWrongKey, "wrong_key", "refuses the key"},
    {State::kExpiredKey, "expired_key", "says that the key has expired"},
    {State::kForbidden, "forbidden", "does not let this key do it"},
    {State::kPlanLimit, "plan_limit", "says that money, credits or the plan do not reach"},
    {State::kBusy, "busy", "has no time now"},
    {State::kRefused, "refused", "refuses the question"},
    {State::kMalformed, "malformed", "answers, but not as such a service does"},
    {State::kFailed, "failed", "fails"},
});

const Word& word_of(State state) noexcept {
  return *std::find_if(kWords.begin(), kWords.end() - 1,
                       [&](const Word& word) { return word.state == state; });
}

std::string shown(const Service& service) {
  return service.protocol == "postgres" ? "its address" : shown_address(service);
}

std::string mend_of(const Service& service, State state) {
  const std::string key = service.key_name.empty() ? service.url_key : shown_key_name(service.key_name);
  switch (state) {
    case State::kOk:
      return "";
    case State::kUnreachable:
    case State::kMalformed:
      return "check the network, and " + service.url_key;
    case State::kNoKey:
      return "put it into " + key + ", in the environment or .env (chmod 600)";
    case State::kUnencrypted:
      return (service.protocol == "postgres" ? "let its address say sslmode=verify-full" : "use https") +
             (service.plain_key.empty() ? "" : ", or set " + service.plain_key + " = true");
    case State::kWrongKey:
      return "check the key in " + key;
    case State::kExpiredKey:
      return "make a new key, and put it into " + key;
    case State::kForbidden:
      return "give the key in " + key + " the right to it, or take another one";
    case State::kPlanLimit:
      return "look at the account of the key in " + key;
    case State::kBusy:
      return "try again later";
    case State::kRefused:
      return "check its model or voice";
    case State::kFailed:
      return "try again later; the service's own pages may say more";
  }
  return "";
}

}  // namespace

std::string_view to_string(State state) noexcept { return word_of(state).name; }

stage::Verdict verdict_of(State state) noexcept {
  if (state == State::kOk) return stage::Verdict::kOk;
  return state == State::kBusy ? stage::Verdict::kWarn : stage::Verdict::kFail;
}

State state_of(int status, std::string_view body, http::ErrorClass error_class) {
  const std::string text = lower_case(body);
  const auto says = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return text.find(word) != std::string::npos; });
  };
  // A spent plan comes as 400, 401, 402, 403 or 429, whatever its service likes.
  const bool plan =
      says({"quota", "billing", "credit balance", "spend_limit", "payment_required", "only_for_"});
  if (error_class == http::ErrorClass::kQuota || (plan && status < 500 && status != 429))
    return State::kPlanLimit;
  if (error_class == http::ErrorClass::kAuth && says({"expired"})) return State::kExpiredKey;
  if (says({"unaccepted_terms", "missing_permission"})) return State::kForbidden;
  if (error_class == http::ErrorClass::kAuth) return status == 403 ? State::kForbidden : State::kWrongKey;
  if (status == 429 || error_class == http::ErrorClass::kOverloaded) return State::kBusy;
  if (status >= 500 || error_class == http::ErrorClass::kRetry) return State::kFailed;
  return State::kRefused;
}

stage::Finding finding_of(const Service& service, const Answer& answer) {
  std::string line = (service.model.empty() ? "" : service.model + " at ") + shown(service) + " " +
                     std::string(word_of(answer.state).says);
  if (answer.state == State::kOk) {
    line += " after " + std::to_string(answer.first_byte / kMillisecond) + " ms";
    if (!service.key_name.empty()) line += ", key " + shown_key_name(service.key_name);
  }
  if (!answer.why.empty()) line += ": " + answer.why;
  return {verdict_of(answer.state), service.name, line, mend_of(service, answer.state)};
}

std::string to_json(const Service& service, const Answer& answer) {
  const stage::Finding finding = finding_of(service, answer);
  json::Writer out;
  out.begin_object()
      .member("service", service.name)
      .member("verdict", stage::to_string(finding.verdict))
      .member("state", to_string(answer.state))
      .member("first_byte_ms", static_cast<double>(answer.first_byte) / static_cast<double>(kMillisecond))
      .member("finding", finding.finding)
      .member("mend", finding.mend)
      .end_object();
  return out.str();
}

}  // namespace prot::services
