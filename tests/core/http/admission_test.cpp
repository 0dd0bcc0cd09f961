// Who is let in, without a socket.
#include <doctest/doctest.h>

#include "http/admission.hpp"

namespace prot::http {
namespace {

RequestHead asked(std::string_view host, std::string_view origin = {}) {
  RequestHead head;
  head.method = "GET";
  head.target = "/state";
  head.hosts = {host};
  head.origin = origin;
  head.peer = "127.0.0.1";
  return head;
}

int status(const std::optional<Refusal>& refusal) { return refusal ? refusal->status : 200; }

}  // namespace

TEST_CASE("the names of this machine's loopback are known, with any port, and those that are configured") {
  const FakeClock clock;
  AccessRules rules;
  rules.hosts = {"lamp.local"};
  Admission admission(rules, clock);
  for (const char* host :
       {"localhost", "LocalHost:8000", "127.0.0.1:8000", "[::1]:8000", "localhost.", "lamp.local:1"})
    CHECK_MESSAGE(status(admission.check(asked(host))) == 200, host);
  for (const char* host : {"evil.example", "127.0.0.1.evil.example", "localhost:80:80", "localhost:x", "[::1",
                           "", "user@localhost", "localhost/", "127.0.0.2"})
    CHECK_MESSAGE(status(admission.check(asked(host))) == 421, host);
}

TEST_CASE("a request has exactly one Host, but a Unix socket takes any name") {
  const FakeClock clock;
  Admission admission({}, clock);
  RequestHead head = asked("localhost");
  head.hosts = {};
  CHECK(status(admission.check(head)) == 400);
  head.hosts = {"localhost", "localhost"};
  CHECK(status(admission.check(head)) == 400);
  head = asked("whatever");
  head.by_name = false;
  CHECK(status(admission.check(head)) == 200);
}

TEST_CASE("a page may ask the server that it came from, and others only when they are named") {
  const FakeClock clock;
  AccessRules rules;
  rules.origins = {"http://desk.local:8080"};
  Admission admission(rules, clock);
  CHECK(status(admission.check(asked("localhost:8000", "http://localhost:8000"))) == 200);
  CHECK(status(admission.check(asked("localhost:8000", "http://LOCALHOST:8000"))) == 200);
  CHECK(status(admission.check(asked("localhost:8000", "http://desk.local:8080"))) == 200);
  for (const char* origin : {"http://evil.example", "null", "http://localhost:8001", "http://localhost",
                             "http://localhost:8000.evil.example", "file://", "http://desk.local:80801"})
    CHECK_MESSAGE(status(admission.check(asked("localhost:8000", origin))) == 403, origin);
  CHECK(is_own_origin("https://LOCALHOST:8000", "localhost:8000"));
  CHECK_FALSE(is_own_origin("http://desk.local:8080", "localhost:8000"));
}

TEST_CASE("another site's page is refused without an origin too; a link that is followed is not") {
  const FakeClock clock;
  Admission admission({}, clock);
  RequestHead head = asked("localhost");
  head.fetch_site = "cross-site";
  head.fetch_mode = "no-cors";
  CHECK(status(admission.check(head)) == 403);
  head.fetch_mode = "navigate";
  CHECK(status(admission.check(head)) == 200);
  head.method = "POST";
  CHECK(status(admission.check(head)) == 403);
}

TEST_CASE("a token is shown as Bearer or in the query, whole") {
  const FakeClock clock;
  AccessRules rules;
  rules.token = "s3cret value";
  Admission admission(rules, clock);
  RequestHead head = asked("localhost");
  CHECK(status(admission.check(head)) == 401);
  for (const char* wrong :
       {"Bearer ", "Bearer s3cret", "Bearer s3cret valuex", "Basic s3cret value", "s3cret value"}) {
    head.authorization = wrong;
    CHECK_MESSAGE(status(admission.check(head)) == 401, wrong);
  }
  head.authorization = "Bearer s3cret value";
  CHECK(status(admission.check(head)) == 200);
  head.authorization = {};
  head.target = "/events?a=b&token=s3cret%20value";
  CHECK(status(admission.check(head)) == 200);
  head.target = "/events?token=s3cret";
  CHECK(status(admission.check(head)) == 401);
  head.by_name = false;  // whoever may open the socket is the owner
  CHECK(status(admission.check(head)) == 200);
}

TEST_CASE("each address has its rate, and what it did not use comes back up to the burst") {
  FakeClock clock;
  AccessRules rules;
  rules.requests_per_s = 2;
  rules.burst = 3;
  Admission admission(rules, clock);
  for (int i = 0; i < 3; ++i) CHECK(status(admission.check(asked("localhost"))) == 200);
  CHECK(status(admission.check(asked("localhost"))) == 429);
  RequestHead other = asked("localhost");
  other.peer = "192.0.2.7";
  CHECK(status(admission.check(other)) == 200);
  clock.advance(kSecond / 2);
  CHECK(status(admission.check(asked("localhost"))) == 200);
  CHECK(status(admission.check(asked("localhost"))) == 429);
  clock.advance(3600 * kSecond);
  for (int i = 0; i < 3; ++i) CHECK(status(admission.check(asked("localhost"))) == 200);
  CHECK(status(admission.check(asked("localhost"))) == 429);
}

TEST_CASE("many addresses do not fill the memory: the oldest is forgotten") {
  FakeClock clock;
  AccessRules rules;
  rules.burst = 1;
  rules.requests_per_s = 0;
  Admission admission(rules, clock);
  for (std::size_t i = 0; i <= Admission::kMostPeers; ++i) {
    clock.advance(1);
    const std::string peer = std::to_string(i);
    RequestHead head = asked("localhost");
    head.peer = peer;
    CHECK(status(admission.check(head)) == 200);
  }
  RequestHead head = asked("localhost");
  head.peer = "1";
  CHECK(status(admission.check(head)) == 429);  // still known
  head.peer = "0";
  CHECK(status(admission.check(head)) == 200);
}

}  // namespace prot::http
