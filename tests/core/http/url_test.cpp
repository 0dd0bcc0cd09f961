#include "http/url.hpp"

#include <doctest/doctest.h>

namespace prot::http {

TEST_CASE("addresses have parts") {
  const Url url = parse_url("WSS://user:pw@[::1]:8443/a/b?c=d#e");
  CHECK(url.scheme == "wss");
  CHECK(url.host == "::1");
  CHECK(url.port == "8443");
  CHECK(url.target == "/a/b?c=d");
  CHECK(url.authority() == "[::1]:8443");
  CHECK(url.shown() == "wss://[::1]:8443/a/b");
  CHECK(url.is_loopback());
  CHECK(parse_url("https://h").authority() == "h");
  CHECK(parse_url("https://h?x").target == "/?x");
  for (const char* other : {"ws://127.evil.org/", "ws://127.0.0.1@evil.org/", "ws://localhost.evil.org"})
    CHECK_FALSE(parse_url(other).is_loopback());
  CHECK(percent_encoded("아 a&b-._~") == "%EC%95%84%20a%26b-._~");
}

}  // namespace prot::http
