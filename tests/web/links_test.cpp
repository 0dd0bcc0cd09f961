// /chat and /events against a false brain on a real Unix socket.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>

#include "chat_rooms.hpp"
#include "event_feed.hpp"
#include "line_link.hpp"
#include "stage/control.hpp"
#include "stage/line_server.hpp"
#include "tests/support/stranger.hpp"
#include "tests/support/temp_folder.hpp"

namespace prot::web {
namespace {

using Event = stage::LineServer::Event;

/// The loop, the false brain and what the clients got. Time is the test's.
struct Bench {
  prot::test::TempFolder folder;
  std::string path = (folder.path() / "chat.sock").string();
  stage::EventLoop loop;
  std::optional<stage::LineServer> brain;
  std::vector<Event> heard;  // lines that brain got
  std::map<http::ConnectionId, std::vector<std::string>> got;
  Nanos now = kSecond;
  ChatRooms rooms{loop, path, [this](http::ConnectionId id, std::string text) { got[id].push_back(text); }};
  EventFeed feed{loop, path, [this](http::ConnectionId id, std::string text) { got[id].push_back(text); }};

  void start_brain() {
    brain.emplace(loop, "brain", stage::LineServer::Limits{});
    brain->start(path);
  }
  void stop_brain() { brain.reset(); }
  /// Turns until `done`; the sockets are real, the clock is not.
  bool until(const std::function<bool()>& done) {
    const Nanos give_up = monotonic_now() + 10 * kSecond;
    while (monotonic_now() < give_up) {
      rooms.pump(now);
      feed.pump(now);
      if (brain)
        for (Event& event : brain->take()) heard.push_back(std::move(event));
      if (done()) return true;
      loop.wait(monotonic_now() + 5 * kMillisecond);
    }
    return false;
  }
  [[nodiscard]] std::size_t lines(std::string_view part) const {
    return static_cast<std::size_t>(std::count_if(heard.begin(), heard.end(), [&](const Event& event) {
      return event.kind == Event::Kind::kLine && event.line.find(part) != std::string::npos;
    }));
  }
  [[nodiscard]] const Event& last_line() const {
    return *std::find_if(heard.rbegin(), heard.rend(),
                         [](const Event& e) { return e.kind == Event::Kind::kLine; });
  }
  [[nodiscard]] bool has(http::ConnectionId id, std::string_view part) const {
    const auto it = got.find(id);
    return it != got.end() && std::any_of(it->second.begin(), it->second.end(), [&](const auto& text) {
             return text.find(part) != std::string::npos;
           });
  }
};

constexpr const char* kConversation = "0123456789abcdef0123456789abcdef";

}  // namespace

TEST_CASE("a message gets a name and the room's conversation, and what brain says comes back as it is") {
  Bench bench;
  bench.start_brain();
  bench.rooms.open(1, bench.now);
  REQUIRE(bench.until([&] { return bench.lines("hello") == 1; }));
  bench.brain->send(bench.last_line().client,
                    std::string(R"({"type":"hello","conversation":")") + kConversation + "\"}");
  bench.brain->send(bench.last_line().client, R"({"type":"chunk","content":"marker"})");
  REQUIRE(bench.until([&] { return bench.has(1, "marker"); }));  // so it has read what was before
  bench.rooms.hear(1, R"({"type":"message","content":"거실 불 켜 줘"})", bench.now);
  REQUIRE(bench.until([&] { return bench.lines("거실") == 1; }));
  const json::Document sent = json::parse(bench.last_line().line);
  CHECK(sent.get("id").as_string().size() == 32);
  CHECK(sent.get("conversation").as_string() == kConversation);
  const std::string chunk = R"({"type":"chunk","content":"네"})";
  bench.brain->send(bench.last_line().client, chunk);
  bench.brain->send(bench.last_line().client, R"({"type":"done","content":"네"})");
  REQUIRE(bench.until([&] { return bench.has(1, "done"); }));
  CHECK(bench.has(1, chunk));
  CHECK_FALSE(bench.has(1, "hello"));  // the original had none
  bench.rooms.hear(1, R"({"type":"stop"})", bench.now);
  CHECK(bench.until([&] { return bench.lines("stop") == 1; }));
}

TEST_CASE("what a client says wrong is answered, and never reaches brain") {
  Bench bench;
  bench.start_brain();
  bench.rooms.open(1, bench.now);
  REQUIRE(bench.until([&] { return bench.lines("hello") == 1; }));
  for (const char* wrong :
       {"no json", "[]", "{}", R"({"type":"subscribe"})", R"({"type":"record","on":false})",
        R"({"type":"message"})", R"({"type":"message","content":5})"}) {
    bench.got.clear();
    bench.rooms.hear(1, wrong, bench.now);
    CHECK_MESSAGE(bench.has(1, "\"error\""), wrong);
  }
  bench.rooms.hear(1, R"({"type":"message","content":"marker"})", bench.now);
  REQUIRE(bench.until([&] { return bench.lines("marker") == 1; }));
  CHECK(bench.heard.size() == 2);
}

TEST_CASE("a brain that is restarted is asked again under the same name, and the client is told") {
  Bench bench;
  bench.start_brain();
  bench.rooms.open(1, bench.now);
  bench.rooms.hear(1, R"({"type":"message","content":"first","id":"own"})", bench.now);
  bench.rooms.hear(1, R"({"type":"message","content":"second"})", bench.now);
  REQUIRE(bench.until([&] { return bench.lines("second") == 1; }));
  const std::string second = bench.last_line().line;
  bench.brain->send(bench.last_line().client,
                    std::string(R"({"type":"done","content":"x","conversation":")") + kConversation + "\"}");
  REQUIRE(bench.until([&] { return bench.has(1, "done"); }));
  bench.stop_brain();
  REQUIRE(bench.until([&] { return bench.has(1, "restart"); }));
  bench.heard.clear();
  bench.start_brain();
  bench.now += ChatRooms::kConnectAgain;
  REQUIRE(bench.until([&] { return bench.lines("second") == 1; }));
  CHECK(bench.last_line().line == second);
  CHECK(bench.lines("first") == 0);        // it was answered
  CHECK(bench.lines(kConversation) == 1);  // the same conversation goes on
}

TEST_CASE("without a brain a message waits, but not for ever") {
  Bench bench;
  bench.rooms.open(1, bench.now);
  bench.rooms.hear(1, R"({"type":"message","content":"anybody?"})", bench.now);
  bench.now += ChatRooms::kAwayAtMost - 1;
  bench.rooms.pump(bench.now);
  CHECK_FALSE(bench.has(1, "error"));
  bench.now += 1;
  bench.rooms.pump(bench.now);
  CHECK(bench.has(1, "is not there"));
  bench.start_brain();
  bench.now += ChatRooms::kConnectAgain;
  REQUIRE(bench.until([&] { return bench.lines("hello") == 1; }));
  bench.rooms.hear(1, R"({"type":"message","content":"marker"})", bench.now);
  REQUIRE(bench.until([&] { return bench.lines("marker") == 1; }));
  CHECK(bench.lines("anybody") == 0);
  for (std::size_t i = 0; i <= ChatRooms::kMostWaiting; ++i)
    bench.rooms.hear(1, R"({"type":"message","content":"more"})", bench.now);
  CHECK(bench.has(1, "too many"));
}

TEST_CASE("what may wait fits a brain that reads nothing, and is asked once") {
  Bench bench;
  const UniqueFd silent = stage::listen_unix(bench.path);
  bench.rooms.open(1, bench.now);
  const std::string message = R"({"type":"message","content":")" + std::string(30'000, 'x') + "\"}";
  for (std::size_t i = 0; i < ChatRooms::kMostWaiting; ++i) {
    bench.rooms.hear(1, message, bench.now);
    bench.rooms.pump(bench.now);
  }
  CHECK_FALSE(bench.has(1, "restart"));
  CHECK(bench.has(1, "too many"));
}

TEST_CASE("a client that leaves ends its connection to brain") {
  Bench bench;
  bench.start_brain();
  bench.rooms.open(1, bench.now);
  REQUIRE(bench.until([&] { return bench.lines("hello") == 1; }));
  bench.rooms.gone(1);
  CHECK(bench.until([&] { return bench.brain->clients() == 0; }));
  CHECK(bench.rooms.next_deadline() == kNever);
}

TEST_CASE("events go to all who listen, over one connection, which nobody keeps without a listener") {
  Bench bench;
  bench.start_brain();
  CHECK(bench.feed.next_deadline() == kNever);
  bench.feed.add(1, bench.now);
  bench.feed.add(2, bench.now);
  REQUIRE(bench.until([&] { return bench.lines("subscribe") == 1; }));
  CHECK(bench.brain->clients() == 1);
  bench.brain->send(bench.last_line().client, R"({"type":"state","state":"listening"})");
  bench.brain->send(bench.last_line().client, R"({"type":"Bad type","x":1})");
  REQUIRE(bench.until([&] { return bench.has(2, "listening"); }));
  CHECK(bench.got[1].back() == "event: state\ndata: {\"type\":\"state\",\"state\":\"listening\"}\n\n");
  CHECK_FALSE(bench.has(1, "Bad"));
  REQUIRE(bench.until([&] { return bench.lines(R"({"type":"record"})") == 1; }));
  bench.feed.add(3, bench.now);  // while it is connected already
  CHECK(bench.got[3].back() == "event: connected\ndata: {\"type\":\"connected\"}\n\n");
  CHECK(bench.until([&] { return bench.lines(R"({"type":"record"})") == 2; }));  // what it missed
  bench.feed.gone(3);
  bench.feed.gone(1);
  CHECK(bench.brain->clients() == 1);
  bench.feed.gone(2);
  CHECK(bench.until([&] { return bench.brain->clients() == 0; }));
}

TEST_CASE("events go on after a restart of brain") {
  Bench bench;
  bench.start_brain();
  bench.feed.add(1, bench.now);
  REQUIRE(bench.until([&] { return bench.lines("subscribe") == 1; }));
  bench.stop_brain();
  bench.heard.clear();
  bench.got.clear();
  bench.start_brain();
  REQUIRE(bench.until([&] {
    bench.now += ChatRooms::kConnectAgain / 100;
    return bench.lines("subscribe") == 1;
  }));
  CHECK(bench.has(1, "event: connected\n"));
}

TEST_CASE("a listener hears every 15 s that the stream is alive, whatever else it hears") {
  Bench bench;
  bench.feed.add(1, bench.now);
  CHECK(bench.feed.next_deadline() <= bench.now + EventFeed::kAliveEvery);
  for (int i = 1; i <= 3; ++i) {
    bench.got.clear();
    bench.now += EventFeed::kAliveEvery - 1;
    bench.feed.tell(R"({"type":"spoken"})");  // of a type that a page may not know
    bench.feed.pump(bench.now);
    CHECK_FALSE(bench.has(1, "alive"));
    bench.now += 1;
    bench.feed.pump(bench.now);
    CHECK(bench.got[1].back() == "event: alive\ndata: {\"type\":\"alive\"}\n\n");
  }
}

TEST_CASE("who listens there is no brain when it is another user" * doctest::skip(::geteuid() != 0)) {
  Bench bench;
  bench.start_brain();
  CHECK(connect_unix_now(bench.path));
  bench.stop_brain();
  REQUIRE(::chmod(bench.folder.path().c_str(), 01777) == 0);
  std::filesystem::remove(bench.path);
  const prot::test::Stranger stranger(bench.path);
  CHECK_FALSE(connect_unix_now(bench.path));
}

TEST_CASE("only words and JSON of one line become an event") {
  CHECK(event_text(R"({"type":"heard"})") == "event: heard\ndata: {\"type\":\"heard\"}\n\n");
  for (const char* line : {"", "x", "{}", R"({"type":5})", R"({"type":"a b"})", "{\"type\":\n\"a\"}"})
    CHECK_MESSAGE(event_text(line).empty(), line);
}

}  // namespace prot::web
