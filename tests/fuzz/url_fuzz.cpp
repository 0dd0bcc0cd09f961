// Addresses of services: what is shown of one holds no password, and leads to the same machine.
#include <arpa/inet.h>

#include <algorithm>

#include "http/url.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; });
}

void check(std::string_view text) {
  const http::Url url = http::parse_url(text);
  require(!url.host.empty() && !url.port.empty(), "an address has a host and a port");
  require(std::all_of(url.port.begin(), url.port.end(), [](char c) { return c >= '0' && c <= '9'; }),
          "a port is a number");
  require(url.target.starts_with('/') || url.target.starts_with('?') || url.target.starts_with('#'),
          "a target is one");
  in_addr number{};
  require(!url.is_loopback() || url.host == "localhost" || url.host == "::1" ||
              ::inet_pton(AF_INET, url.host.c_str(), &number) == 1,
          "no name but one is this machine");
  require(url.is_exposed() == (!url.is_encrypted() && !url.is_loopback()),
          "others read what is not encrypted");
  const std::string shown = url.shown();
  require(is_plain(shown), "what is shown moves no cursor");
  require(shown.find('?') == std::string::npos, "what is shown has no query");
  const http::Url again = http::parse_url(shown);
  require(again.scheme == url.scheme && again.host == url.host && again.port == url.port,
          "what is shown leads to the same machine");
  // A password that nothing else of the address says.
  const std::string secret = "s3cr3t-of-mine";
  if (text.find(secret) == std::string_view::npos) return;
  const std::size_t scheme = text.find("://");
  const std::size_t at = text.rfind('@', text.find_first_of("/?#", scheme + 3));
  const bool in_user = at != std::string_view::npos && text.find(secret) < at;
  if (in_user && text.find(secret, at) == std::string_view::npos)
    require(shown.find(secret) == std::string::npos, "what is shown has no password");
}

// What a refusal says in any case.
std::string refusal_of_nothing() {
  try {
    (void)http::parse_url("");
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  try {
    check(text);
  } catch (const UsageError& error) {
    const std::string_view why = error.what();
    require(text.size() < 12 || why.find(text) == std::string_view::npos ||
                std::string_view(refusal_of_nothing()).find(text) != std::string_view::npos,
            "a refusal does not quote the address");
  }
  require(is_plain(http::shown_url(text)), "what is shown of anything moves no cursor");
  (void)http::is_loopback(text);
  (void)http::service_url(std::string(text), "/messages");
  const std::string encoded = http::percent_encoded(text);
  require(encoded.find_first_of("&=+ #?/\n") == std::string::npos, "what is encoded is one value of a query");
  return 0;
}
