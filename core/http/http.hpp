#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace prot::http {

/// What to do about a failure: kRetry later, kAuth: the key is wrong, kQuota: money or plan,
/// kOverloaded: the service is too busy or still loading, kFatal: the same request will fail again.
enum class ErrorClass { kRetry, kAuth, kQuota, kOverloaded, kFatal };
[[nodiscard]] const char* to_string(ErrorClass error_class) noexcept;

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One request. Times of 0 mean no limit.
struct Request {
  std::string method = "POST";
  std::string url;          // http:// or https://
  std::string unix_socket;  // path; the host of `url` is then only a name
  std::string ca_file;      // certificates that are trusted instead of the system's; empty: those
  Headers headers;          // e.g. {"content-type", "application/json"}
  std::string body;
  std::int64_t connect_timeout_ms = 5'000;
  std::int64_t first_byte_timeout_ms = 60'000;  // from start to the first byte of the body
  std::int64_t idle_timeout_ms = 60'000;        // between two pieces of the body
  std::int64_t total_timeout_ms = 0;
};

/// A failed request. The message says method, URL without query, and why; it never holds a secret.
class RequestError : public Error {
 public:
  RequestError(ErrorClass error_class, int status, Nanos retry_after, const std::string& message)
      : Error(message), error_class_(error_class), status_(status), retry_after_(retry_after) {}
  [[nodiscard]] ErrorClass error_class() const noexcept { return error_class_; }
  /// 0 when no answer came.
  [[nodiscard]] int status() const noexcept { return status_; }
  /// What the server asked to wait; 0: it did not say.
  [[nodiscard]] Nanos retry_after() const noexcept { return retry_after_; }

 private:
  ErrorClass error_class_;
  int status_;
  Nanos retry_after_;
};

/// The class of an answer with this status (>= 400) and body.
[[nodiscard]] ErrorClass classify_status(int status, std::string_view body, bool has_retry_after) noexcept;
/// What an error's body calls it: "model_not_found"; empty where it gives no such word. The rest of it may
/// quote the request, so it is no matter for logs.
[[nodiscard]] std::string error_name(std::string_view body);
/// A retry-after header (seconds, decimals too, or a date) in nanoseconds, at most a day; 0: none or past.
[[nodiscard]] Nanos parse_retry_after(const std::string& value);

}  // namespace prot::http
