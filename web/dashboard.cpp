#include "dashboard.hpp"

#include <fmt/format.h>

#include <random>

namespace prot::web {
namespace {
constexpr std::string_view kPlace = "@NONCE@";
}

http::ServerResponse dashboard_page() {
  std::random_device random;
  const std::string nonce = fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
  http::ServerResponse response{200, "text/html; charset=utf-8", {}, {}};
  std::string_view rest = dashboard_html();
  for (std::size_t at = rest.find(kPlace); at != std::string_view::npos; at = rest.find(kPlace)) {
    response.body += std::string(rest.substr(0, at)) + nonce;
    rest.remove_prefix(at + kPlace.size());
  }
  response.body += rest;
  response.headers.emplace_back("Content-Security-Policy",
                                fmt::format("default-src 'none'; script-src 'nonce-{0}'; style-src "
                                            "'nonce-{0}'; connect-src 'self'; img-src data:; "
                                            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                                            "require-trusted-types-for 'script'; trusted-types 'none'",
                                            nonce));
  return response;
}

}  // namespace prot::web
