#include "http/url.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

namespace prot::http {

TEST_CASE("where a service of the first version takes something") {
  for (const char* base : {"http://h", "http://h/", "http://h/v1", "http://h/v1//"})
    CHECK(service_url(base, "/models") == "http://h/v1/models");
}

TEST_CASE("what is on this machine") {
  for (const char* here : {"http://127.0.0.1:1/x", "localhost:8080", "https://[::1]"})
    CHECK(is_loopback(here));
  for (const char* other : {"http://127.evil.org", "localhost.evil", "http://127.0.0.1@evil.org", ""})
    CHECK_FALSE(is_loopback(other));
  CHECK(parse_url("http://h").is_exposed());
  CHECK_FALSE(parse_url("https://h").is_exposed());
}

TEST_CASE("a name that only looks like a number of this machine is another one's") {
  for (const char* host : {"127.0.0.999", "127.1.1.", "127...", "127.0.0.1.", "127.0.0.1.example.com"}) {
    CAPTURE(host);
    CHECK_FALSE(is_loopback(host));
    CHECK(parse_url(std::string("http://") + host + "/").is_exposed());
  }
  CHECK(is_loopback("http://127.255.0.7:80"));
}

TEST_CASE("brackets that are open or within each other are no host") {
  for (const char* url : {"http://[::1", "http://[", "http://[]/", "http://[[::1]/", "http://a]b/"}) {
    CAPTURE(url);
    CHECK_THROWS_AS(static_cast<void>(parse_url(url)), UsageError);
  }
  CHECK(parse_url("http://[::1]").host == "::1");
}

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

TEST_CASE("plain http is refused but for this machine, without what is secret in the address") {
  for (const char* good : {"https://a.example", "HTTPS://a.example/v1", "http://127.0.0.1:8080/v1",
                           "http://[::1]/", "HTTP://localhost", "127.0.0.1:8080"})
    CHECK_NOTHROW(refuse_plain_http(good, "a.plain_http"));
  for (const char* bad : {"http://127.0.0.1.evil.example", "http://localhost.evil.example/v1",
                          "HTTP://a.example", "http://127.0.0.1@a.example", "a.example/v1"})
    CHECK_THROWS_AS(refuse_plain_http(bad, "a.plain_http"), Error);
  CHECK_THROWS_WITH(refuse_plain_http("http://me:pw@a.example/v1?key=sk", "a.plain_http"),
                    "http://a.example/v1 would get key and conversation unencrypted; use https, or allow it "
                    "with a.plain_http = true");
  CHECK(shown_url("https://me:pw@a.example/v1?key=sk") == "https://a.example/v1");
  CHECK(shown_url("me:pw@127.0.0.1:8080/v1?key=sk") == "http://127.0.0.1:8080/v1");
  CHECK(shown_url("https://a.example/v1\x1b[2J?key=sk") ==
        "https://a.example/v1_[2J");  // no cursor, no query
  for (const char* none :
       {"me:pw@a.example", "sk-0123456789", "ftp://me:pw@a.example", "https://a.example:pw", ""})
    CHECK(shown_url(none) == "(not an address of a service)");
}

}  // namespace prot::http
