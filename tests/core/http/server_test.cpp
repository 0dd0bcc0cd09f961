// The HTTP server with real sockets: requests in any pieces, and clients that mean harm.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <list>
#include <memory>

#include "server_owner.hpp"

namespace prot::http {
namespace {

using Kind = ServerEvent::Kind;

/// Descriptors for both ends of a thousand connections.
void raise_descriptors() {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

}  // namespace

TEST_CASE("a request that comes byte by byte is answered, and the connection serves the next") {
  ServedLoop served;
  RawClient client(served.port());
  const std::string request =
      "POST /echo?a=b HTTP/1.1\r\nHost: " + served.host() + "\r\nContent-Length: 6\r\n\r\n거실";
  for (const char byte : request) CHECK(client.write(std::string_view(&byte, 1)));
  const std::string answer = client.read_until("거실");
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  for (const char* header :
       {"Content-Length: 6\r\n", "X-Content-Type-Options: nosniff\r\n", "X-Frame-Options: DENY\r\n",
        "Cache-Control: no-store\r\n", "Content-Security-Policy: default-src 'none';",
        "Referrer-Policy: no-referrer\r\n", "Cross-Origin-Resource-Policy: same-origin\r\n"})
    CHECK_MESSAGE(holds(answer, header), header);
  const ServerEvent event = served.wait_for(Kind::kRequest);
  CHECK(event.method == "POST");
  CHECK(event.path == "/echo");
  CHECK(event.query == "a=b");
  CHECK_FALSE(event.upgrade);

  client.write("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\nGET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(holds(client.read_until("Content-Length: 0"), "hello"));  // two in one piece, in order
  CHECK_FALSE(client.closed());
}

TEST_CASE("every place where a request can be split gives the same answer") {
  ServedLoop served;
  const std::string request = "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  for (std::size_t at = 1; at < request.size(); ++at) {
    RawClient client(served.port());
    CHECK(client.write(request.substr(0, at)));
    CHECK(client.write(request.substr(at)));
    CHECK_MESSAGE(client.read_all().ends_with("\r\n\r\nhello"), at);
  }
}

TEST_CASE("HEAD has the length and no body, and a client of HTTP/1.0 is let go") {
  ServedLoop served;
  const std::string head = ask(served, "HEAD /hello HTTP/1.1\r\nHost: localhost\r\n");
  CHECK(holds(head, "Content-Length: 5\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  RawClient old(served.port());
  old.write("GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n");
  CHECK(old.read_all().ends_with("hello"));
  CHECK(old.closed());
}

TEST_CASE("what is malformed or too large is refused, and never reaches the owner") {
  ServerLimits limits;
  limits.header_bytes = 1024;
  limits.body_bytes = 1000;
  ServedLoop served(limits);
  const std::string large(2000, 'x');
  const std::string host = "Host: localhost\r\n";
  CHECK(ask(served, "nonsense\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(ask(served, "GET /hello HTTP/1.1\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(ask(served, "GET /hello HTTP/1.1\r\n" + host + host).starts_with("HTTP/1.1 400 "));
  CHECK(ask(served, "GET http://localhost/hello HTTP/1.1\r\n" + host).starts_with("HTTP/1.1 400 "));
  CHECK(ask(served, "GET /hello HTTP/1.1\r\n" + host + "X: " + large + "\r\n").starts_with("HTTP/1.1 431 "));
  CHECK(ask(served, "GET /" + large + " HTTP/1.1\r\n" + host).starts_with("HTTP/1.1 431 "));
  CHECK(ask(served, "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 2000\r\n", large)
            .starts_with("HTTP/1.1 413 "));
  CHECK(ask(served, "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n")
            .starts_with("HTTP/1.1 400 "));
  CHECK(ask(served, "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n",
            "7d0\r\n" + large + "\r\n0\r\n\r\n")
            .starts_with("HTTP/1.1 413 "));
  CHECK(served.count(Kind::kRequest) == 0);
  CHECK(served.refused() == 9);
  CHECK(holds(get(served, "/hello"), "hello"));
}

TEST_CASE("foreign names, foreign pages and a missing token are refused on the wire") {
  AccessRules rules;
  rules.token = "let me in";
  rules.origins = {"http://desk.local"};
  ServedLoop served({}, rules);
  CHECK(get(served, "/hello").starts_with("HTTP/1.1 401 "));
  CHECK(holds(get(served, "/hello"), "WWW-Authenticate: Bearer\r\n"));
  const std::string token = "Authorization: Bearer let me in\r\n";
  CHECK(get(served, "/hello", token).starts_with("HTTP/1.1 200 "));
  CHECK(
      get(served, "/hello", token + "Origin: http://" + served.host() + "\r\n").starts_with("HTTP/1.1 200 "));
  CHECK(holds(get(served, "/hello", token + "Origin: http://desk.local\r\n"),
              "Access-Control-Allow-Origin: http://desk.local\r\n"));
  const std::string evil = get(served, "/hello", token + "Origin: http://evil.example\r\n");
  CHECK(evil.starts_with("HTTP/1.1 403 "));
  CHECK_FALSE(holds(evil, "Access-Control"));
  CHECK(get(served, "/socket", token + "Origin: http://evil.example\r\nUpgrade: websocket\r\n")
            .starts_with("HTTP/1.1 403 "));
  CHECK(ask(served, "GET /hello HTTP/1.1\r\nHost: evil.example\r\n" + token).starts_with("HTTP/1.1 421 "));
  CHECK_FALSE(served.wait_for(Kind::kRequest, 0).foreign);
  CHECK_FALSE(served.wait_for(Kind::kRequest, 1).foreign);
  CHECK(served.wait_for(Kind::kRequest, 2).foreign);  // its owner notes it behind the answer
  CHECK(served.count(Kind::kRequest) == 3);
}

TEST_CASE("a server that listens on ::1 serves its clients") {
  if (!has_ip6()) return;
  ServedLoop served({}, {}, "::1");
  RawClient client(served.port(), AF_INET6);
  client.write("GET /hello HTTP/1.1\r\nHost: [::1]:" + std::to_string(served.port()) +
               "\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK(answer.starts_with("HTTP/1.1 200 "));
  CHECK(answer.ends_with("hello"));
}

TEST_CASE("whoever asks too often waits, on the same connection") {
  AccessRules rules;
  rules.burst = 2;
  rules.requests_per_s = 0.001;
  ServedLoop served({}, rules);
  RawClient client(served.port());
  const std::string request = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    client.write(request);
    CHECK(client.read_until("hello").starts_with("HTTP/1.1 200 "));
  }
  client.write(request);
  const std::string answer = client.read_until("}");
  CHECK(answer.starts_with("HTTP/1.1 429 "));
  CHECK(holds(answer, "Retry-After: 1\r\n"));
  CHECK_FALSE(client.closed());
}

TEST_CASE("a client that never finishes its request loses its connection, others are served meanwhile") {
  ServerLimits limits;
  limits.request_timeout_ms = 300;
  ServedLoop served(limits);
  RawClient slow(served.port());
  slow.write("GET /hello HTTP/1.1\r\n");
  const auto began = std::chrono::steady_clock::now();
  int headers = 0;
  while (!slow.closed() && std::chrono::steady_clock::now() - began < std::chrono::seconds(10)) {
    static_cast<void>(slow.write("X: " + std::to_string(headers++) + "\r\n"));
    static_cast<void>(slow.read_until({}, 20));  // each piece within the time, the whole never
    if (headers == 2) CHECK(holds(get(served, "/hello"), "hello"));
  }
  CHECK(slow.closed());
  CHECK(headers >= 2);
  RawClient silent(served.port());  // says nothing at all
  CHECK(silent.read_all().empty());
  CHECK(silent.closed());
  CHECK(served.connections_become(0));
}

TEST_CASE("an owner that does not answer costs its clients the answer, not the connection's place") {
  ServerLimits limits;
  limits.answer_timeout_ms = 100;
  ServedLoop served(limits);
  CHECK(get(served, "/never").starts_with("HTTP/1.1 503 "));
  CHECK(served.connections_become(0));
}

TEST_CASE(
    "a thousand connections at once: the newest that fit are kept, and who was let in before, and all is "
    "well "
    "after") {
  raise_descriptors();
  ServerLimits limits;
  limits.connections = 64;
  ServedLoop served(limits);
  std::list<RawClient> kept;
  for (const char* path : {"/events", "/never"}) {  // a stream, and one who waits for its answer
    kept.emplace_back(served.port());
    kept.back().write("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  CHECK(holds(kept.front().read_until("first"), "first"));
  static_cast<void>(served.wait_for(Kind::kRequest, 1));
  std::list<RawClient> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.emplace_back(served.port());
    clients.back().write("GET /hello HTTP/1.1\r\n");  // the half of one
    CHECK(served.connections() <= limits.connections);
  }
  const std::size_t ended = 1000 - (limits.connections - kept.size());
  std::size_t at = 0;
  for (RawClient& client : clients) {
    if (at++ >= ended) break;
    static_cast<void>(client.read_all());
    CHECK(client.closed());
  }
  CHECK(served.refused() == ended);  // and nobody was turned away
  clients.back().write("Host: localhost\r\n\r\n");
  CHECK(holds(clients.back().read_until("hello"), "hello"));
  CHECK(holds(get(served, "/hello"), "hello"));
  CHECK(kept.front().read_until({}, 0).empty());
  CHECK_FALSE(kept.front().closed());
  CHECK_FALSE(kept.back().closed());
  clients.clear();
  kept.clear();
  CHECK(served.connections_become(1));  // who waits for its answer is heard of when it has it
  CHECK(holds(get(served, "/hello"), "hello"));
}

TEST_CASE("where everybody is at something, one more is turned away") {
  ServerLimits limits;
  limits.connections = 2;
  ServedLoop served(limits);
  RawClient listener(served.port());
  listener.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(holds(listener.read_until("first"), "first"));
  RawClient waits(served.port());
  waits.write("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n");
  static_cast<void>(served.wait_for(Kind::kRequest, 1));
  RawClient third(served.port());
  CHECK(holds(third.read_all(), "HTTP/1.1 503 "));
  CHECK(served.refused() == 1);
}

TEST_CASE("who was refused and stays, and who does not read an answer, gives way as well") {
  ServerLimits limits;
  limits.connections = 2;
  limits.body_bytes = 32U << 20U;
  ServedLoop served(limits);
  RawClient refused(served.port());
  refused.write("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  CHECK(holds(refused.read_until("}"), " 421 "));
  RawClient deaf(served.port());
  const std::string body(limits.body_bytes, 'x');  // more than sockets buffer
  deaf.write("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body);
  CHECK(holds(deaf.read_until("HTTP/1.1"), " 200 "));
  CHECK(holds(get(served, "/hello"), "hello"));
  RawClient reads(served.port());
  RawClient reads_too(served.port());
  CHECK(holds(get(served, "/hello"), "hello"));
}

TEST_CASE("a server that ends closes everybody, whatever they are at") {
  std::list<RawClient> clients;
  {
    ServedLoop served;
    for (const char* path : {"/events", "/never", "/hello"}) {
      clients.emplace_back(served.port());
      clients.back().write("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    clients.emplace_back(served.port());
    static_cast<void>(served.wait_for(Kind::kRequest, 2));
  }
  for (RawClient& client : clients) {
    static_cast<void>(client.read_all());
    CHECK(client.closed());
  }
}

}  // namespace prot::http
