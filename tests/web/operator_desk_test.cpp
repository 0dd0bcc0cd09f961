// /search and /restart against a false memory and a false supervisor on real Unix sockets.
#include "operator_desk.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "json/json.hpp"
#include "stage/control.hpp"
#include "stage/line_server.hpp"
#include "tests/support/temp_folder.hpp"

namespace prot::web {
namespace {

using Event = stage::LineServer::Event;

/// The loop, the desk, and what the clients got. Time is the test's.
struct Bench {
  prot::test::TempFolder folder;
  stage::EventLoop loop;
  std::map<http::ConnectionId, http::ServerResponse> got;
  Nanos now = kSecond;
  std::optional<stage::LineServer> memory;
  std::vector<Event> heard;  // lines that memory got
  OperatorDesk desk{loop, folder.path(), [this](http::ConnectionId id, http::ServerResponse answer) {
                      got[id] = std::move(answer);
                    }};

  void start_memory() {
    memory.emplace(loop, "memory", stage::LineServer::Limits{});
    memory->start((folder.path() / "memory.sock").string());
  }
  void search(http::ConnectionId id, const std::string& query) {
    desk.ask(event(id, "GET", "/search", query), now);
  }
  [[nodiscard]] static http::ServerEvent event(http::ConnectionId id, const char* method, const char* path,
                                               const std::string& query = {}) {
    http::ServerEvent made;
    made.id = id;
    made.method = method;
    made.path = path;
    made.query = query;
    return made;
  }
  [[nodiscard]] static http::ServerEvent restart(http::ConnectionId id, const std::string& body) {
    http::ServerEvent made = event(id, "POST", "/restart");
    made.content_type = "application/json";
    made.data = body;
    return made;
  }
  bool until(const std::function<bool()>& done) {
    const Nanos give_up = monotonic_now() + 10 * kSecond;
    while (monotonic_now() < give_up) {
      desk.pump(now);
      if (memory)
        for (Event& one : memory->take()) heard.push_back(std::move(one));
      if (done()) return true;
      loop.wait(monotonic_now() + 5 * kMillisecond);
    }
    return false;
  }
  [[nodiscard]] bool has(http::ConnectionId id) const { return got.find(id) != got.end(); }
};

}  // namespace

TEST_CASE("a search is memory's search, and its answer comes back as it is") {
  Bench bench;
  bench.start_memory();
  bench.search(1, "q=%EB%B6%80%EC%82%B0+%22sea%20c%2B%2B&limit=5");
  REQUIRE(bench.until([&] { return bench.heard.size() == 1; }));
  const json::Document asked = json::parse(bench.heard[0].line);
  CHECK(asked.get("cmd").as_string() == "search");
  CHECK(asked.get("query").as_string() == "부산 \"sea c++");
  CHECK(asked.get("limit").as_int() == 5);
  const std::string answer = R"({"ok":true,"messages":[{"text":"부산"}],"facts":[]})";
  bench.memory->send(bench.heard[0].client, answer);
  REQUIRE(bench.until([&] { return bench.has(1); }));
  CHECK(bench.got[1].status == 200);
  CHECK(bench.got[1].body == answer);
  CHECK(bench.desk.next_deadline() == kNever);
}

TEST_CASE("what memory refuses, breaks off, or never answers is an answer of its own") {
  Bench bench;
  bench.search(1, "q=a");
  CHECK(bench.got[1].status == 503);  // nobody is there
  bench.start_memory();
  for (http::ConnectionId id = 2; id <= 6; ++id) bench.search(id, "q=a");
  CHECK(bench.got[6].status == 503);  // four at once
  REQUIRE(bench.until([&] { return bench.heard.size() == 4; }));
  bench.memory->send(bench.heard[0].client, R"({"ok":false,"error":"no word","code":2})");
  bench.memory->send(bench.heard[1].client, R"({"ok":false,"error":"keeps nothing","code":1})");
  bench.memory->send(bench.heard[2].client, "no json");
  REQUIRE(bench.until([&] { return bench.has(2) && bench.has(3) && bench.has(4); }));
  CHECK(bench.got[2].status == 400);
  CHECK(bench.got[2].body == R"({"error":"no word"})");
  CHECK(bench.got[3].status == 503);
  CHECK(bench.got[4].status == 502);
  CHECK_FALSE(bench.has(5));
  bench.now = bench.desk.next_deadline();
  bench.desk.pump(bench.now);
  CHECK(bench.got[5].status == 504);
  CHECK(bench.until([&] { return bench.memory->clients() == 0; }));
  bench.search(7, "q=a");
  REQUIRE(bench.until([&] { return bench.heard.back().kind == Event::Kind::kLine; }));
  bench.memory.reset();
  REQUIRE(bench.until([&] { return bench.has(7); }));
  CHECK(bench.got[7].status == 503);
}

TEST_CASE("a search that makes no sense never reaches memory") {
  Bench bench;
  bench.start_memory();
  http::ConnectionId id = 0;
  for (const std::string& query :
       {std::string(), std::string("q="), "q=" + std::string(201, 'a'), std::string("q=a&limit=0"),
        std::string("q=a&limit=51"), std::string("q=a&limit=x"), std::string("q=a&limit=5x")}) {
    bench.search(++id, query);
    CHECK_MESSAGE(bench.got[id].status == 400, query);
  }
  bench.desk.ask(Bench::event(50, "POST", "/search", "q=a"), bench.now);
  CHECK(bench.got[50].status == 405);
  CHECK(bench.desk.next_deadline() == kNever);
}

TEST_CASE("a restart is the supervisor's restart, asked by a POST of JSON of an own page alone") {
  Bench bench;
  http::ServerEvent wrong = Bench::restart(1, R"({"stage":"stt"})");
  wrong.method = "GET";
  bench.desk.ask(wrong, bench.now);
  CHECK(bench.got[1].status == 405);
  wrong.method = "POST";
  wrong.foreign = true;  // a page that web.cors_origins lets read
  bench.desk.ask(wrong, bench.now);
  CHECK(bench.got[1].status == 403);
  wrong.foreign = false;
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"}) {
    wrong.content_type = type;
    bench.desk.ask(wrong, bench.now);
    CHECK_MESSAGE(bench.got[1].status == 415, type);
  }
  for (const char* body : {"", "stt", "{}", R"({"stage":5})", R"({"stage":""})", R"({"stage":"a b"})"}) {
    bench.desk.ask(Bench::restart(1, body), bench.now);
    CHECK_MESSAGE(bench.got[1].status == 400, body);
  }
  bench.desk.ask(Bench::restart(1, R"({"stage":"stt"})"), bench.now);
  CHECK(bench.got[1].status == 503);  // no supervisor
}

TEST_CASE("one restart at a time; its answer comes in pieces, or not at all") {
  Bench bench;
  const UniqueFd listener = stage::listen_unix((bench.folder.path() / "control.sock").string());
  const auto accept = [&] {
    UniqueFd client;
    while (!client) client.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return client;
  };
  http::ServerEvent asks = Bench::restart(1, R"({"stage":"stt"})");
  asks.content_type = "application/json; charset=utf-8";
  bench.desk.ask(asks, bench.now);
  bench.desk.ask(Bench::restart(2, R"({"stage":"tts"})"), bench.now);
  CHECK(bench.got[2].status == 503);
  {
    const UniqueFd client = accept();
    std::string request;
    std::vector<UniqueFd> fds;
    REQUIRE(stage::receive_message(client.get(), request, fds));
    CHECK(request == R"({"cmd":"restart","stage":"stt","wait":false})");
    const std::string answer = R"({"ok":true})";
    std::string bytes{static_cast<char>(answer.size()), '\0', '\0', '\0'};
    bytes += answer;
    for (const char byte : bytes) {
      CHECK_FALSE(bench.has(1));
      REQUIRE(::send(client.get(), &byte, 1, MSG_NOSIGNAL) == 1);
      bench.loop.wait(monotonic_now() + kSecond);
      bench.desk.pump(bench.now);
    }
    CHECK(bench.got[1].status == 200);
    CHECK(bench.got[1].body == answer);
  }
  bench.desk.ask(Bench::restart(3, R"({"stage":"nobody"})"), bench.now);
  {
    const UniqueFd client = accept();
    stage::send_message(client.get(), R"({"error":"there is no stage 'nobody'","code":4})");
    REQUIRE(bench.until([&] { return bench.has(3); }));
    CHECK(bench.got[3].status == 404);
  }
  bench.desk.ask(Bench::restart(4, R"({"stage":"stt"})"), bench.now);
  accept().reset();
  REQUIRE(bench.until([&] { return bench.has(4); }));
  CHECK(bench.got[4].status == 503);
  bench.desk.ask(Bench::restart(5, R"({"stage":"stt"})"), bench.now);
  {
    const UniqueFd client = accept();
    const std::string huge("\xff\xff\xff\x7f" + std::string(2U << 20U, 'x'));
    std::thread sender([&] {
      std::size_t sent = 0;
      while (sent < huge.size()) {
        const ssize_t n = ::send(client.get(), huge.data() + sent, huge.size() - sent, MSG_NOSIGNAL);
        if (n < 0) return;
        sent += static_cast<std::size_t>(n);
      }
    });
    CHECK(bench.until([&] { return bench.has(5); }));
    sender.join();
    CHECK(bench.got[5].status == 503);
  }
}

}  // namespace prot::web
