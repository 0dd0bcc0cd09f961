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

PeerUser user_of(std::uint32_t uid) { return {PeerUser::What::kKnown, uid}; }

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

TEST_CASE("an address of IPv6 is this server's name in whatever way it is written") {
  const FakeClock clock;
  for (const char* known : {"fd00::2", "[fd00::2]", "FD00:0::2", "[fd00::2]:8000"}) {
    AccessRules rules;
    rules.hosts = {known, "::"};  // of everything that listens: no name, and no hindrance
    Admission admission(rules, clock);
    for (const char* host : {"[fd00::2]:8000", "[fd00::2]", "[FD00:0:0::2]:8000", "[::1]:8000", "localhost"})
      CHECK_MESSAGE(status(admission.check(asked(host))) == 200, host);
    for (const char* host : {"[fd00::3]:8000", "fd00", "[fd00]", "[localhost]", ""})
      CHECK_MESSAGE(status(admission.check(asked(host))) == 421, host);
  }
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
  for (const char* right : {"Bearer s3cret value", "bearer s3cret value", "BEARER s3cret value"}) {
    head.authorization = right;
    CHECK_MESSAGE(status(admission.check(head)) == 200, right);
  }
  head.authorization = {};
  head.target = "/events?a=b&token=s3cret%20value";
  CHECK(status(admission.check(head)) == 200);
  head.target = "/events?token=s3cret";
  CHECK(status(admission.check(head)) == 401);
  head.by_name = false;  // whoever may open the socket is the owner
  CHECK(status(admission.check(head)) == 200);
}

TEST_CASE("of this machine's users only who runs the server may ask, but for what is for all") {
  const FakeClock clock;
  AccessRules rules;
  rules.user = 1000;
  rules.for_all = {"/health"};
  Admission admission(rules, clock);
  RequestHead head = asked("localhost");
  using What = PeerUser::What;
  for (const auto& [user, expected] : {std::pair{user_of(1000), 200},
                                       {user_of(0), 200},
                                       {user_of(1001), 403},
                                       {PeerUser{What::kGone, 0}, 403},
                                       {PeerUser{What::kUnknown, 0}, 200}}) {
    const std::uint32_t uid = user.uid;  // clang captures no structured binding
    CAPTURE(uid);
    head.user = user;
    head.target = "/state?x=1";
    CHECK(status(admission.check(head)) == expected);
    head.target = "/health?x=1";
    CHECK(status(admission.check(head)) == 200);
  }
  head.user = user_of(1001);
  head.target = "/state";
  head.by_name = false;  // the file's mode says who may
  CHECK(status(admission.check(head)) == 200);
  rules.token = "a token";
  Admission by_token(rules, clock);
  head.by_name = true;
  head.authorization = "Bearer a token";
  CHECK(status(by_token.check(head)) == 200);
}

TEST_CASE("whose program has the other end is read from the kernel's tables") {
  using What = PeerUser::What;
  const std::string mapped = "0000000000000000FFFF00000100007F:C350";
  const auto find = [&](const std::string& tables) {
    return detail::find_peer(tables, "0100007F:1F40", "0100007F:C350", mapped);
  };
  const std::string head =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";
  const std::string own =
      "   1: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000 0 1\n";
  const std::string rest = " 00000000:00000000 00:00000000 00000000  1001        0 2\n";
  CHECK(find(head).what == What::kUnknown);
  CHECK(find(head + own).what == What::kGone);
  // Reset a moment ago, it has neither end here; that this server listens is shown all the same.
  for (const char* listener :
       {"   0: 0100007F:1F40 00000000:0000 0A", "   0: 00000000000000000000000001000000:1F40 0 0A"})
    CHECK_MESSAGE(find(head + listener + " 00000000:00000000 00:00000000 00000000  1000        0 3\n").what ==
                      What::kGone,
                  listener);
  const PeerUser four = find(head + "   0: 0100007F:C350 0100007F:1F40 01" + rest + own);
  CHECK(four.what == What::kKnown);
  CHECK(four.uid == 1001);
  const PeerUser six = find(own + "   0: " + mapped + " 0000000000000000FFFF00000100007F:1F40 01" + rest);
  CHECK(six.what == What::kKnown);
  CHECK(six.uid == 1001);
  // It has shut its side, and waits for the answer; it has closed.
  CHECK(find(own + "   0: 0100007F:C350 0100007F:1F40 05" + rest).what == What::kKnown);
  CHECK(find(own + "   0: 0100007F:C350 0100007F:1F40 06 00000000:00000000 03:00000b5c 00000000     0 0 0\n")
            .what == What::kGone);
  for (const char* line : {"   0: 0100007F:C350 0100007F:1F41 01", "   0: 0100007F:C351 0100007F:1F40 01"})
    CHECK_MESSAGE(find(own + line + rest).what == What::kGone, line);
  CHECK(find(own + "   0: 0100007F:C350 0100007F:1F40 01").what == What::kGone);  // cut off
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

TEST_CASE("what is refused takes nothing from what is let in, and has a rate of its own") {
  FakeClock clock;
  AccessRules rules;
  rules.requests_per_s = 0;
  rules.burst = 2;
  rules.user = 1000;
  Admission admission(rules, clock);
  RequestHead own = asked("localhost");
  own.user = user_of(1000);
  RequestHead name = own;
  name.hosts = {"evil.example"};
  RequestHead page = own;
  page.origin = "http://evil.example";
  RequestHead image = own;
  image.fetch_site = "same-site";
  image.fetch_mode = "no-cors";
  RequestHead user = own;
  user.user = user_of(1001);
  RequestHead twice = own;
  twice.hosts = {"localhost", "localhost"};
  int who = 0;
  for (const auto& [refused, why] :
       {std::pair{&name, 421}, {&page, 403}, {&image, 403}, {&user, 403}, {&twice, 400}}) {
    const std::string peer = "user " + std::to_string(who++);
    CAPTURE(peer);
    own.peer = refused->peer = peer;
    for (const int expected : {why, why, 429, 429}) CHECK(status(admission.check(*refused)) == expected);
    for (const int expected : {200, 200, 429}) CHECK(status(admission.check(own)) == expected);
  }
}

TEST_CASE("a page of another site does not use up what the person may ask in whose browser it runs") {
  const FakeClock clock;
  AccessRules rules;
  rules.requests_per_s = 0;
  rules.burst = 1;
  Admission admission(rules, clock);
  RequestHead followed = asked("localhost");
  followed.fetch_site = "cross-site";
  followed.fetch_mode = "navigate";
  CHECK(status(admission.check(followed)) == 200);
  CHECK(status(admission.check(followed)) == 429);
  RequestHead own = asked("localhost");
  own.fetch_site = "same-origin";
  CHECK(status(admission.check(own)) == 200);
  CHECK(status(admission.check(own)) == 429);
}

TEST_CASE("a page of an origin that may ask has the share of whom it is for") {
  const FakeClock clock;
  AccessRules rules;
  rules.requests_per_s = 0;
  rules.burst = 1;
  rules.origins = {"http://desk.local"};
  int who = 0;
  Admission admission(rules, clock);
  for (const char* origin : {"http://desk.local", "http://localhost"}) {
    const std::string peer = "user " + std::to_string(who++);
    RequestHead named = asked("localhost", origin);
    named.fetch_site = "cross-site";
    RequestHead own = asked("localhost");
    RequestHead followed = own;
    followed.fetch_site = "cross-site";
    followed.fetch_mode = "navigate";
    named.peer = own.peer = followed.peer = peer;
    CHECK_MESSAGE(status(admission.check(followed)) == 200, origin);
    CHECK_MESSAGE(status(admission.check(named)) == 200, origin);
    CHECK_MESSAGE(status(admission.check(own)) == 429, origin);
  }
}

TEST_CASE("wrong tokens in a query, which any page can send, do not lock out the right one of a header") {
  const FakeClock clock;
  AccessRules rules;
  rules.token = "s3cret";
  rules.requests_per_s = 0;
  rules.burst = 3;
  Admission admission(rules, clock);
  RequestHead wrong = asked("localhost");  // an image: over plain http a browser says nothing of its page
  wrong.target = "/?token=wrong";
  for (const int expected : {401, 401, 401, 429}) CHECK(status(admission.check(wrong)) == expected);
  RequestHead right = asked("localhost");
  right.target = "/?token=s3cret";
  CHECK(status(admission.check(right)) == 429);
  right = asked("localhost");
  right.authorization = "Bearer s3cret";
  CHECK(status(admission.check(right)) == 200);
  right.target = wrong.target;  // the header counts
  CHECK(status(admission.check(right)) == 200);
  wrong = asked("localhost");
  wrong.authorization = "Bearer wrong";
  right = asked("localhost");
  right.target = "/?token=s3cret";
  wrong.peer = right.peer = "192.0.2.7";
  for (const int expected : {401, 401, 401, 429}) CHECK(status(admission.check(wrong)) == expected);
  CHECK(status(admission.check(right)) == 200);
}

TEST_CASE("whoever guesses too many tokens is not told of the right one for a while; others are") {
  FakeClock clock;
  AccessRules rules;
  rules.token = "s3cret";
  rules.requests_per_s = 1;
  rules.burst = 3;
  Admission admission(rules, clock);
  RequestHead head = asked("localhost");
  for (const int expected : {401, 401, 401, 429}) CHECK(status(admission.check(head)) == expected);
  head.authorization = "Bearer s3cret";  // none was shown so far: nothing was guessed
  CHECK(status(admission.check(head)) == 200);
  clock.advance(3 * kSecond);
  head.authorization = "Bearer wrong";
  for (const int expected : {401, 401, 401, 429}) CHECK(status(admission.check(head)) == expected);
  head.authorization = "Bearer s3cret";
  CHECK(status(admission.check(head)) == 429);
  RequestHead other = head;
  other.peer = "192.0.2.7";
  CHECK(status(admission.check(other)) == 200);
  RequestHead page = asked("localhost");  // it sends the person's browser there, with wrong ones
  page.peer = "192.0.2.7";
  page.fetch_site = "cross-site";
  page.fetch_mode = "navigate";
  page.target = "/?token=wrong";
  for (const int expected : {401, 401, 401, 429}) CHECK(status(admission.check(page)) == expected);
  CHECK(status(admission.check(other)) == 200);
  clock.advance(kSecond);
  CHECK(status(admission.check(head)) == 200);
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
