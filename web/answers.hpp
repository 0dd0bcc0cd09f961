#pragma once

#include <string_view>

#include "http/server.hpp"
#include "json/json.hpp"

namespace prot::web {

/// An answer that is none: {"error":WHY}.
[[nodiscard]] inline http::ServerResponse refused(int status, std::string_view why) {
  json::Writer out;
  return {status, "application/json", out.begin_object().member("error", why).end_object().str(), {}};
}

/// 405: only these methods.
[[nodiscard]] inline http::ServerResponse only(std::string_view methods, std::string_view why) {
  http::ServerResponse no = refused(405, why);
  no.headers.emplace_back("Allow", methods);
  return no;
}

}  // namespace prot::web
