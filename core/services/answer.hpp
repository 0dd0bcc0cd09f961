#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "http/http.hpp"
#include "services/services.hpp"
#include "stage/self_check.hpp"

namespace prot::services {

/// What a service made of one small question.
enum class State {
  kOk,
  kUnreachable,  // no answer: name, network, TLS, time
  kNoKey,        // it needs one, and none is set: it was not asked
  kUnencrypted,  // the key would go out in the clear: it was not asked
  kWrongKey,
  kExpiredKey,
  kForbidden,  // the key is good, but not for this; or terms are not accepted
  kPlanLimit,  // money, credits, or what the plan includes
  kBusy,       // too many requests just now, overloaded, still loading
  kRefused,    // this model, voice or request
  kMalformed,  // an answer, but not this kind of service's
  kFailed      // the service's own error
};
[[nodiscard]] std::string_view to_string(State state) noexcept;  // "wrong_key"
[[nodiscard]] stage::Verdict verdict_of(State state) noexcept;   // kBusy is a warning

struct Answer {
  State state = State::kOk;
  Nanos first_byte = 0;  // from the question to the first byte of the answer; 0: none came
  std::string why{};     // "HTTP 401 (authentication_error)"; never anything of the key
};

/// What a refusal means: HTTP status (>= 400) and the body, whose words tell a spent plan from a wrong key. A
/// status of 0: the code in `body` came by itself.
[[nodiscard]] State state_of(int status, std::string_view body, http::ErrorClass error_class);

/// One JSON object a line, as `prot-STAGE --probe services` prints it and `prot doctor --services` reads it.
[[nodiscard]] std::string to_json(const Service& service, const Answer& answer);

/// The line for people, and what to do about it.
[[nodiscard]] stage::Finding finding_of(const Service& service, const Answer& answer);

}  // namespace prot::services
