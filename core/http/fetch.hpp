#pragma once

#include <cstddef>
#include <stop_token>
#include <string>

#include "http/http.hpp"

namespace prot::http {

struct Response {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;
};

/// Does one request and waits for the whole answer. Blocking: for worker threads and tools, never on a loop.
/// Throws RequestError: no answer, status 400 or above, body above `max_body` bytes (kFatal), or stopped
/// (kRetry, "cancelled"; the connection is closed at once).
[[nodiscard]] Response fetch(const Request& request, const std::stop_token& stop = {},
                             std::size_t max_body = 64U << 20U);

}  // namespace prot::http
