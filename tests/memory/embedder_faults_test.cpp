#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

#include "memory/embedders/openai.hpp"
#include "memory/embedders/voyage.hpp"
#include "tests/support/embedding_server.hpp"

using namespace prot;
using namespace prot::memory;
using prot::test::EmbeddingServer;
using prot::test::served_vector;
using Kind = ServiceError::Kind;

namespace {

constexpr const char* kJson = "Content-Type: application/json\r\n";

VectorService service_at(const EmbeddingServer& server, std::int64_t timeout_ms = 20'000) {
  VectorService service;
  service.url = server.url();
  service.model = "m";
  service.api_key = "pa-secret";
  service.rules = {.at_once = 4, .tries = 3, .first_wait = kMillisecond, .longest_wait = kSecond};
  service.timeout_ms = timeout_ms;
  return service;
}

bool status(Connection& connection, const char* line, const char* body, const char* headers = "") {
  connection.answer(line, std::string(kJson) + headers, body);
  return true;
}

struct Case {
  const char* name;
  bool passes;  // when it befalls one request only, nothing is lost
  bool harmless;
  Kind kind;  // when it befalls all
  EmbeddingServer::Fault fault;
  std::int64_t timeout_ms = 20'000;
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  if (const std::size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

bool say(Connection& connection, const std::string& body) {
  connection.answer("200 OK", kJson, body);
  return true;
}

const Case kStatuses[] = {
    {"400", false, false, Kind::kFailed,
     [](auto& c, auto&) { return status(c, "400 Bad Request", R"({"detail":"model m is not supported"})"); }},
    {"401", false, false, Kind::kKey,
     [](auto& c, auto&) { return status(c, "401 Unauthorized", R"({"detail":"invalid key pa-secret"})"); }},
    {"402", false, false, Kind::kQuota,
     [](auto& c, auto&) { return status(c, "402 Payment Required", "{}"); }},
    {"403", false, false, Kind::kKey, [](auto& c, auto&) { return status(c, "403 Forbidden", "{}"); }},
    {"404", false, false, Kind::kFailed, [](auto& c, auto&) { return status(c, "404 Not Found", "no"); }},
    {"429", true, false, Kind::kUnavailable,
     [](auto& c, auto&) { return status(c, "429 Too Many Requests", "{}", "Retry-After: 0.02\r\n"); }},
    {"429 in ms", true, false, Kind::kUnavailable,
     [](auto& c, auto&) { return status(c, "429 Too Many Requests", "{}", "retry-after-ms: 20\r\n"); }},
    {"429, plan", false, false, Kind::kQuota,
     [](auto& c, auto&) { return status(c, "429 Too Many Requests", R"({"detail":"add billing"})"); }},
    {"500", true, false, Kind::kUnavailable, [](auto& c, auto&) { return status(c, "500 Error", "<html>"); }},
    {"503", true, false, Kind::kUnavailable, [](auto& c, auto&) { return status(c, "503 Loading", "{}"); }},
    {"529", true, false, Kind::kUnavailable,
     [](auto& c, auto&) { return status(c, "529 Overloaded", "{}"); }},
};

const Case kBodies[] = {
    {"empty", true, false, Kind::kFailed, [](auto& c, auto&) { return say(c, ""); }},
    {"error under 200", true, false, Kind::kFailed,
     [](auto& c, auto&) { return say(c, R"({"error":{"message":"no"}})"); }},
    {"not JSON", true, false, Kind::kFailed, [](auto& c, auto&) { return say(c, "<html>busy</html>"); }},
    {"half", true, false, Kind::kFailed,
     [](auto& c, auto& good) { return say(c, good.substr(0, good.size() / 2)); }},
    {"deep", true, false, Kind::kFailed, [](auto& c, auto&) { return say(c, std::string(100'000, '[')); }},
    {"no vectors", true, false, Kind::kFailed, [](auto& c, auto&) { return say(c, R"({"data":[]})"); }},
    {"a wrong index", true, false, Kind::kFailed,
     [](auto& c, auto& good) { return say(c, replaced(good, R"("index":0)", R"("index":99)")); }},
    {"an index twice", true, false, Kind::kFailed,
     [](auto& c, auto& good) { return say(c, replaced(good, R"("index":0)", R"("index":1)")); }},
    {"words for vectors", true, false, Kind::kFailed,
     [](auto& c, auto& good) {
       return say(c, replaced(good, R"("embedding":)", R"("embedding":["a"],"x":)"));
     }},
    {"a zero vector", true, false, Kind::kFailed,
     [](auto& c, auto& good) {
       return say(c, replaced(good, R"("embedding":)", R"("embedding":[0,0,0,0,0,0,0,0],"x":)"));
     }},
    {"not finite", true, false, Kind::kFailed,  // base64 of a NaN and seven zeros
     [](auto& c, auto& good) {
       const std::string nan = "AADAfwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
       return say(c, replaced(good, R"("embedding":)", R"("embedding":")" + nan + R"(","x":)"));
     }},
    {"other dimensions", true, false, Kind::kFailed,
     [](auto& c, auto& good) {
       return say(c, replaced(good, R"("embedding":)", R"("embedding":[1,2],"x":)"));
     }},
    {"unknown members", true, true, Kind::kFailed,
     [](auto& c, auto& good) { return say(c, replaced(good, "{", R"({"news":[{"a":1}],)")); }},
    {"a line of 1 MB", true, true, Kind::kFailed,
     [](auto& c, auto& good) { return say(c, good + std::string(1U << 20U, ' ')); }},
    {"bytes that are no UTF-8", true, true, Kind::kFailed,
     [](auto& c, auto& good) { return say(c, replaced(good, "{", "{\"m\":\"\xff\xc3\",")); }},
};

const Case kConnections[] = {
    {"reset", true, false, Kind::kUnavailable,
     [](auto& c, auto&) {
       c.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{");
       c.reset();
       return false;
     }},
    {"closed before the answer", true, false, Kind::kUnavailable, [](auto&, auto&) { return false; }},
    {"closed within", true, false, Kind::kUnavailable,
     [](auto& c, auto& good) {
       c.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(good.size()) + "\r\n\r\n" +
              good.substr(0, 20));
       return false;
     }},
    {"hangs", true, false, Kind::kUnavailable,
     [](auto& c, auto&) {
       CHECK(c.closed_within(10'000));
       return false;
     },
     300},
    {"hangs within", true, false, Kind::kUnavailable,
     [](auto& c, auto&) {
       c.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{");
       CHECK(c.closed_within(10'000));
       return false;
     },
     300},
    {"small writes", true, true, Kind::kUnavailable,
     [](auto& c, auto& good) {
       c.send_slowly("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(good.size()) + "\r\n\r\n" + good,
                     61);
       return true;
     }},
};

std::size_t open_files() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    (void)entry;
    ++count;
  }
  return count;
}

void check(const Case& fault, bool voyage) {
  CAPTURE(fault.name);
  CAPTURE(voyage);
  EmbeddingServer server;
  const std::vector<std::string> texts{"one", "two", "three"};
  const auto made = [&] {
    return voyage ? make_voyage_embedder(service_at(server, fault.timeout_ms))
                  : make_openai_embedder(service_at(server, fault.timeout_ms));
  };
  server.befall(fault.fault, 1);
  const Embedded once = made()->embed(texts, TextKind::kDocument, {});
  CHECK(once.error.has_value() != fault.passes);
  CHECK(once.vectors[2].empty() != fault.passes);
  CHECK(server.record().requests == (fault.passes && !fault.harmless ? 2 : 1));
  server.befall(fault.fault);
  const Embedded always = made()->embed(texts, TextKind::kDocument, {});
  CHECK(always.error.has_value() != fault.harmless);
  if (!always.error) return;
  CHECK(always.error->kind() == fault.kind);
  CHECK(std::string(always.error->what()).find("pa-secret") == std::string::npos);
}

}  // namespace

TEST_CASE("what befalls one request is done again, what befalls all is named by its kind") {
  for (const bool voyage : {true, false}) {
    for (const Case& fault : kStatuses) check(fault, voyage);
    for (const Case& fault : kBodies) check(fault, voyage);
    for (const Case& fault : kConnections) check(fault, voyage);
  }
}

TEST_CASE("a wrong key ends it at once, and so does a service that is away") {
  EmbeddingServer server;
  server.befall([](auto& c, auto&) { return status(c, "401 Unauthorized", "{}"); });
  const std::vector<std::string> texts(3'000, "text");
  const Embedded embedded = make_voyage_embedder(service_at(server))->embed(texts, TextKind::kDocument, {});
  REQUIRE(embedded.error.has_value());
  CHECK(embedded.error->kind() == Kind::kKey);
  CHECK(server.record().requests <= 4);
  VectorService nowhere = service_at(server);
  nowhere.url = "http://127.0.0.1:1/v1";
  const Embedded none = make_voyage_embedder(nowhere)->embed(texts, TextKind::kDocument, {});
  REQUIRE(none.error.has_value());
  CHECK(none.error->kind() == Kind::kUnavailable);
}

TEST_CASE("a limit holds every request for the time that the service names, unless that is too long") {
  EmbeddingServer server;
  const auto embedder = make_voyage_embedder(service_at(server));
  server.befall(
      [](auto& c, auto&) { return status(c, "429 Too Many Requests", "{}", "Retry-After: 0.5\r\n"); }, 1);
  const std::vector<std::string> texts(128 * 12, "text");
  const Embedded embedded = embedder->embed(texts, TextKind::kDocument, {});
  CHECK_FALSE(embedded.error.has_value());
  // Between those that were under way and the others there is the wait; the former may be noted late.
  std::vector<Nanos> times = server.record().times;
  Nanos longest = 0;
  for (std::size_t i = 1; i < times.size(); ++i) longest = std::max(longest, times[i] - times[i - 1]);
  CHECK(longest >= 350 * kMillisecond);
  CHECK(times.size() == 13);
  server.befall(
      [](auto& c, auto&) { return status(c, "429 Too Many Requests", "{}", "Retry-After: 3600\r\n"); });
  const Embedded refused = embedder->embed(texts, TextKind::kDocument, {});
  REQUIRE(refused.error.has_value());
  CHECK(refused.error->retry_after() == 3600 * kSecond);
}

TEST_CASE("the service sees the end of what is cancelled, and nothing is left of it") {
  EmbeddingServer server;
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  server.befall([&](auto& c, auto&) {
    ++begun;
    ended += c.closed_within(10'000) ? 1 : 0;
    return false;
  });
  const auto embedder = make_voyage_embedder(service_at(server, 60'000));
  const std::vector<std::string> texts{"text"};
  for (int i = 1; i <= 20; ++i) {
    std::stop_source source;
    std::jthread canceller([&] {
      while (begun < i) std::this_thread::yield();
      source.request_stop();
    });
    const Embedded embedded = embedder->embed(texts, TextKind::kDocument, source.get_token());
    REQUIRE(embedded.error.has_value());
    CHECK(embedded.error->kind() == Kind::kCancelled);
  }
  const Nanos deadline = monotonic_now() + 10 * kSecond;
  while (ended < 20 && monotonic_now() < deadline) std::this_thread::yield();
  CHECK(ended == 20);
}

TEST_CASE(
    "through splits, delays and resets each text has its vector or there is a reason, no file is left") {
  EmbeddingServer server;
  const auto embedder = make_openai_embedder(service_at(server));
  std::mutex mutex;
  std::minstd_rand random(7);
  const auto next = [&](unsigned below) {
    const std::lock_guard lock(mutex);
    return static_cast<unsigned>(random()) % below;
  };
  server.befall([&](Connection& c, const std::string& good) {
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(good.size()) + "\r\n\r\n" + good;
    switch (next(4)) {
      case 0:
        c.send_slowly(answer, 500 + next(2'000));
        return true;
      case 1:
        c.hold(static_cast<int>(next(5)));
        c.send(answer);
        return true;
      case 2:
        c.send(answer.substr(0, next(static_cast<unsigned>(answer.size()))));
        c.reset();
        return false;
      default:
        c.send(answer);
        return true;
    }
  });
  std::size_t files = 0;
  for (int i = 0; i < 60; ++i) {
    std::vector<std::string> texts;
    for (unsigned k = 1 + next(400); k > 0; --k) texts.push_back("text " + std::to_string(next(1'000'000)));
    const Embedded embedded = embedder->embed(texts, TextKind::kDocument, {});
    for (std::size_t k = 0; k < texts.size(); ++k) {
      if (embedded.vectors[k].empty()) {
        REQUIRE(embedded.error.has_value());
      } else {
        REQUIRE(embedded.vectors[k][3] == doctest::Approx(served_vector(texts[k])[3]).epsilon(1e-4));
      }
    }
    if (i == 20) files = open_files();
  }
  CHECK(open_files() <= files + 8);  // both ends of at most four connections
}
