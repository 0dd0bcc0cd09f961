// What of a server's words may stand in a log.
#include "http/masking.hpp"

#include <doctest/doctest.h>

namespace prot::http {

TEST_CASE("a request's secrets are blotted out wherever a text has them") {
  const Headers headers = {{"Authorization", "Bearer  sk-one"},
                           {"xi-api-key", "sk-two"},
                           {"accept", "text/plain"},
                           {"Cookie", "abc"}};
  const std::string url =
      "https://x/?token=sk-three&model=large&single_use_token=sk-four&key&api_key=sk-five#key=frag";
  CHECK(masked("sk-one sk-two sk-three sk-four sk-five, sk-two", headers, url) == "*** *** *** *** ***, ***");
  CHECK(masked("Bearer  sk-one", headers, "") == "***");
  CHECK(masked("large text/plain abc frag", headers, url) == "large text/plain abc frag");  // ordinary words
  CHECK(masked("", headers, url).empty());
  CHECK(masked("x", {{"authorization", " "}, {"cookie", ""}, {"x-api-key", "Bearer "}}, "?&&=") == "x");
}

TEST_CASE("only what looks like the name of an error is one") {
  for (const char* name : {"quota_exceeded", "error_", "_"}) CHECK(is_plain_name(name));
  for (const char* other : {"", "hello", "two words_", "sk_live_51", "invalid-key", "größe_x", "a.b_c"})
    CHECK_FALSE(is_plain_name(other));
  CHECK(is_plain_name(std::string(47, 'x') + "_"));
  CHECK_FALSE(is_plain_name(std::string(48, 'x') + "_"));
}

}  // namespace prot::http
