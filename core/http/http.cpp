#include "http/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>

#include "json/json.hpp"

namespace prot::http {

const char* to_string(ErrorClass error_class) noexcept {
  switch (error_class) {
    case ErrorClass::kRetry:
      return "retry";
    case ErrorClass::kAuth:
      return "auth";
    case ErrorClass::kQuota:
      return "quota";
    case ErrorClass::kOverloaded:
      return "overloaded";
    case ErrorClass::kFatal:
      return "fatal";
  }
  return "fatal";
}

namespace {
constexpr Nanos kMostPause = 86'400 * kSecond;  // a date is as good as two clocks
}

ErrorClass classify_status(int status, std::string_view body, bool has_retry_after) noexcept {
  const auto says = [&](std::string_view word) { return body.find(word) != std::string_view::npos; };
  switch (status) {
    case 401:
    case 403:
      return ErrorClass::kAuth;
    case 402:
      return ErrorClass::kQuota;
    case 429:
      // A spent quota comes as 429 too, but then nobody says when to come back.
      if (!has_retry_after && (says("quota") || says("spend_limit") || says("billing")))
        return ErrorClass::kQuota;
      return ErrorClass::kRetry;
    case 503:
    case 529:
      return ErrorClass::kOverloaded;
    case 408:
    case 409:
    case 425:
      return ErrorClass::kRetry;
    case 501:
      return ErrorClass::kFatal;
    default:
      return status >= 500 ? ErrorClass::kRetry : ErrorClass::kFatal;
  }
}

std::string error_name(std::string_view body) {
  const auto is_name = [](std::string_view word) {
    return !word.empty() && word.size() <= 48 && std::all_of(word.begin(), word.end(), [](unsigned char c) {
      return std::isalpha(c) != 0 || c == '_';  // without digits: no key looks like this
    });
  };
  try {
    const json::Document document = json::parse(body);
    const json::View root = document.root();
    const json::View detail = root.get("detail").is_object() ? root.get("detail") : root;
    const json::View error = root.get("error").is_object() ? root.get("error") : detail;
    for (const char* key : {"code", "type", "status"})
      if (const std::string_view word = error.get(key).as_string(); is_name(word)) return std::string(word);
  } catch (const Error&) {
    return {};  // not JSON: nothing in it is a name
  }
  return {};
}

Nanos parse_retry_after(const std::string& value) {
  double seconds = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, seconds);
  if (error == std::errc() && stop == end) {
    return seconds > 0 && seconds < 1e6
               ? std::min(static_cast<Nanos>(seconds * static_cast<double>(kSecond)), kMostPause)
               : 0;
  }
  const std::time_t date = curl_getdate(value.c_str(), nullptr);
  if (date == -1) return 0;
  return std::clamp<Nanos>(static_cast<Nanos>(date) * kSecond - wall_now(), 0, kMostPause);
}

}  // namespace prot::http
