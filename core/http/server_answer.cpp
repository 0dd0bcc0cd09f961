#include "http/server_answer.hpp"

#include "json/json.hpp"

namespace prot::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;
using boost::system::error_code;

// Nothing of what is served may do anything in a browser, unless its own answer says otherwise.
constexpr const char* kContentPolicy = "default-src 'none'; frame-ancestors 'none'";

}  // namespace

void add_security(beast::http::fields& headers) {
  headers.set(field::cache_control, "no-store");
  headers.set("Content-Security-Policy", kContentPolicy);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("X-Frame-Options", "DENY");
}

ServerResponse refusal(int status_code, std::string_view why) {
  json::Writer out;
  out.begin_object().member("error", why).end_object();
  return {status_code, "application/json", out.str(), {}};
}

int status_of(error_code error) noexcept {
  if (error == beast::http::error::header_limit || error == beast::http::error::buffer_overflow) return 431;
  if (error == beast::http::error::body_limit) return 413;
  const bool silent =
      error == beast::http::error::end_of_stream || error == beast::http::error::partial_message;
  return !silent && error.category() == make_error_code(beast::http::error::bad_method).category() ? 400 : 0;
}

}  // namespace prot::http
