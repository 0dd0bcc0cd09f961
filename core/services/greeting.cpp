#include "services/greeting.hpp"

#include <utility>

#include "http/fetch.hpp"

namespace prot::services {

stage::Finding greet(Greeting greeting) {
  constexpr std::int64_t kLimitMs = 3'000;
  http::Request& request = greeting.request;
  request.method = "GET";
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kLimitMs;
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, greeting.what, error.what(), "check the key in " + greeting.key_name};
    if (error.status() == 0)
      return {stage::Verdict::kFail, greeting.what, error.what(), greeting.address_mend};
  }
  return {stage::Verdict::kOk, std::move(greeting.what), std::move(greeting.good)};
}

}  // namespace prot::services
