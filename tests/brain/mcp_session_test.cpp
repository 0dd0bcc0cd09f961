#include "brain/mcp/session.hpp"

#include <doctest/doctest.h>

using namespace prot;
using namespace prot::brain;
using State = McpSession::State;

namespace {

bool has(const std::string& text, std::string_view piece) { return text.find(piece) != std::string::npos; }

/// A session, and the server's side of it by hand.
struct Bench {
  McpSession session{"1.0", 10 * kSecond, 0};

  /// What prot has sent since the last time, a line each.
  std::string sent() {
    std::string out = session.output();
    session.written(out.size());
    return out;
  }
  void say(const std::string& line, Nanos now = 0) { session.feed(line + "\n", now); }
  void welcome(const std::string& version = "2025-06-18") {
    say(R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":")" + version +
        R"(","capabilities":{"tools":{}}}})");
  }
  void list(const std::string& tools, std::uint64_t id = 2) {
    say(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":{"tools":[)" + tools + "]}}");
  }
  void ready() {
    welcome();
    list(R"({"name":"a","description":"A.","inputSchema":{"type":"object"}})");
    (void)sent();
  }
};

}  // namespace

TEST_CASE("a session begins with a version that both speak, and the list of tools") {
  Bench bench;
  const std::string hello = bench.sent();
  CHECK(has(hello, R"("method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{})"));
  CHECK(hello.ends_with("}\n"));
  bench.welcome("2024-11-05");
  const std::string next = bench.sent();
  CHECK(has(next, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"));
  CHECK(has(next, R"("id":2,"method":"tools/list")"));
  CHECK_FALSE(bench.session.has_list());
  bench.list(
      R"({"name":"a","description":"A.","inputSchema":{"type":"object","x":[1]},"annotations":{"destructiveHint":true}},)"
      R"({"name":"b"})");
  CHECK(bench.session.state() == State::kReady);
  REQUIRE(bench.session.tools().size() == 2);
  CHECK(bench.session.tools()[0] == McpTool{"a", "A.", R"({"type":"object","x":[1]})", false});
  CHECK(bench.session.tools()[1] == McpTool{"b", "", R"({"type":"object"})", false});

  for (const char* version : {"2023-01-01", "", "1"}) {
    Bench other;
    other.welcome(version);
    CHECK(has(other.session.failure(), "another version"));
  }
  Bench refused;
  refused.say(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}})");
  CHECK(refused.session.failure() == "refuses: no (-1)");
  Bench none;
  none.say(R"({"id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{}}})");
  CHECK(none.session.state() == State::kReady);
  CHECK(none.session.tools().empty());
}

TEST_CASE("a tool is harmless only where its server says so, in the protocol's words") {
  const auto harmless = [](const std::string& annotations) {
    Bench bench;
    bench.welcome();
    bench.list(R"({"name":"a")" + (annotations.empty() ? "" : R"(,"annotations":)" + annotations) + "}");
    REQUIRE(bench.session.tools().size() == 1);
    return bench.session.tools()[0].harmless;
  };
  CHECK(harmless(R"({"readOnlyHint":true})"));
  CHECK(harmless(R"({"destructiveHint":false})"));
  CHECK(
      harmless(R"({"readOnlyHint":true,"destructiveHint":true})"));  // which means nothing of what only reads
  for (const char* other :
       {"", "{}", "null", "[]", "true", R"({"title":"Nice","openWorldHint":false,"idempotentHint":true})",
        R"({"readOnlyHint":false})", R"({"destructiveHint":true})", R"({"readOnlyHint":"true"})",
        R"({"destructiveHint":"false"})", R"({"destructiveHint":0})", R"({"destructiveHint":null})",
        R"({"readonlyhint":true})"}) {
    CAPTURE(other);
    CHECK_FALSE(harmless(other));
  }
}

TEST_CASE("calls are answered by id, in any order, and split anywhere") {
  Bench bench;
  bench.ready();
  const auto first = bench.session.call("a", R"({"x":1})", 0);
  const auto second = bench.session.call("a", "{}", 0);
  CHECK(has(bench.sent(), R"("method":"tools/call","params":{"name":"a","arguments":{"x":1}})"));
  const std::string answers =
      R"({"id":)" + std::to_string(second) +
      R"(,"result":{"content":[{"type":"text","text":"zwei 한"},{"type":"image"}]}})" + "\r\n\n" +
      R"({"id":)" + std::to_string(first) + R"(,"error":{"code":-32000,"message":"no"}})" + "\n" +
      R"({"id":99,"result":{}})" + "\n";
  for (const char c : answers) bench.session.feed({&c, 1}, 0);
  const auto results = bench.session.take_results();
  REQUIRE(results.size() == 2);
  CHECK(results.at(second).text == "zwei 한\n[image that cannot be spoken]");
  CHECK(results.at(first).failed);
  CHECK(results.at(first).text == "no (-32000)");
  CHECK(bench.session.take_results().empty());
}

TEST_CASE("results of any kind become text") {
  const auto told = [](const char* result) { return read_result(json::parse(result).root()); };
  CHECK(told(R"({"content":[],"structuredContent":{"t":21}})").text == R"({"t":21})");
  CHECK(told(R"({"content":[{"type":"resource","resource":{"text":"in it"}}]})").text == "in it");
  CHECK(told(R"({"content":[{"type":"text","text":"why"}],"isError":true})").failed);
  CHECK(told("{}").text == "done");
  CHECK(told(R"({"isError":true})").text == "it failed without a word");
  const std::string big = R"({"content":[{"type":"text","text":")" + std::string(3'000'000, 'x') + "\"}]}";
  CHECK(told(big.c_str()).text.size() == McpSession::kMaxResult);
}

TEST_CASE("the server's own requests are answered, its notifications heeded") {
  Bench bench;
  bench.ready();
  bench.say(R"({"jsonrpc":"2.0","id":"p1","method":"ping"})");
  CHECK(bench.sent() == R"({"jsonrpc":"2.0","id":"p1","result":{}})"
                        "\n");
  bench.say(R"([{"id":7,"method":"sampling/createMessage"},{"method":"notifications/progress"}])");
  CHECK(has(bench.sent(), R"("id":7,"error":{"code":-32601)"));
  bench.say(R"({"method":"notifications/tools/list_changed"})", kSecond / 2);
  CHECK(bench.sent().empty());  // not more often than once a second
  CHECK(bench.session.next_deadline() == kSecond);
  bench.session.tick(kSecond);
  CHECK(has(bench.sent(), R"("id":3,"method":"tools/list")"));
  CHECK(bench.session.tools().size() == 1);  // until the new one is whole
  CHECK(bench.session.call("a", "{}", kSecond) != 0);
  bench.list(R"({"name":"b"},{"name":"c"})", 3);
  CHECK(bench.session.tools().size() == 2);
}

TEST_CASE("pages are followed, and bounded; odd and huge tools are left out") {
  Bench bench;
  bench.welcome();
  std::string tools =
      R"({"name":""},{"name":"a"},{"name":"a"},7,{"name":"odd","inputSchema":{"type":"array"}},)"
      R"({"name":"huge","inputSchema":{"type":"object","d":")" +
      std::string(20'000, 'x') + "\"}}";
  bench.list(tools);
  CHECK(bench.session.tools().size() == 1);
  CHECK(bench.session.left_out() == 5);
  Bench endless;
  endless.welcome();
  std::uint64_t id = 2;
  while (endless.session.state() == State::kListing && id < 100) {
    std::string page;
    for (int i = 0; i < 10; ++i)
      page += (i == 0 ? "" : ",") + std::string(R"({"name":"t)") + std::to_string(id * 10 + i) + "\"}";
    endless.say(
        R"({"id":)" + std::to_string(id++) + R"(,"result":{"nextCursor":"x","tools":[)" + page + "]}}", 0);
  }
  CHECK(endless.session.state() == State::kReady);
  CHECK(endless.session.tools().size() == McpSession::kMaxTools);
}

TEST_CASE(
    "a server that is silent has failed, at its start, at its list, and after a call that was given up") {
  Bench start;
  start.session.tick(10 * kSecond - 1);
  CHECK(start.session.state() == State::kInitializing);
  start.session.tick(10 * kSecond);
  CHECK(start.session.failure() == "does not answer at its start");
  Bench list;
  list.welcome();
  list.session.tick(10 * kSecond);
  CHECK(list.session.failure() == "does not tell its tools");

  Bench bench;
  bench.ready();
  const auto call = bench.session.call("a", "{}", 0);
  (void)bench.sent();
  bench.session.cancel(call, kSecond);
  const std::string sent = bench.sent();
  CHECK(has(sent, R"("method":"notifications/cancelled","params":{"requestId":3)"));
  CHECK(has(sent, R"("id":4,"method":"ping")"));
  bench.say(R"({"id":4,"result":{}})", 2 * kSecond);
  bench.say(R"({"id":3,"result":{}})", 2 * kSecond);
  CHECK(bench.session.take_results().empty());
  bench.session.tick(100 * kSecond);
  CHECK(bench.session.state() == State::kReady);
  const auto again = bench.session.call("a", "{}", 100 * kSecond);
  const auto other = bench.session.call("a", "{}", 100 * kSecond);
  bench.session.cancel(again, 100 * kSecond);
  CHECK(bench.session.next_deadline() == 100 * kSecond + McpSession::kPongLimit);
  bench.session.tick(105 * kSecond);
  CHECK(bench.session.failure() == "hangs");
  CHECK(bench.session.take_results().at(other).text == "the server hangs");
}

TEST_CASE("whatever a server writes is bounded") {
  Bench garbage;
  garbage.ready();
  garbage.say("Listening on stdio");
  CHECK(garbage.session.state() == State::kReady);
  for (int i = 0; i < 200; ++i) garbage.say("noise {\"id\":");
  CHECK(garbage.session.failure() == "writes what is no JSON");

  Bench flood;
  flood.ready();
  for (int i = 0; i < 1900; ++i) flood.say(R"({"method":"notifications/message"})", kSecond);
  for (int i = 0; i < 1900; ++i) flood.say(R"({"method":"notifications/message"})", 2 * kSecond);
  CHECK(flood.session.state() == State::kReady);
  for (int i = 0; i < 200; ++i) flood.say(R"({"method":"notifications/message"})", 2 * kSecond);
  CHECK(has(flood.session.failure(), "floods"));

  Bench lines;
  lines.ready();
  std::string ten;
  ten.resize(10'000'000, 'x');
  for (unsigned i = 0; i < McpSession::kMaxLong; ++i) {
    const auto call = lines.session.call("a", "{}", 0);
    lines.say(R"({"id":)" + std::to_string(call) + R"(,"result":{"content":[{"type":"text","text":")" + ten +
              "\"}]}}");
    CHECK(has(lines.session.take_results().at(call).text, "more than 4 MiB"));
    const auto small = lines.session.call("a", "{}", 0);
    lines.say(R"({"id":)" + std::to_string(small) + R"(,"result":{}})");
    CHECK(lines.session.take_results().at(small).text == "done");
  }
  lines.say(ten);
  CHECK(lines.session.failure() == "writes lines of more than 4 MiB");

  Bench endless;
  for (int i = 0; i < 10 && endless.session.state() != State::kBroken; ++i) endless.session.feed(ten, 0);
  CHECK(endless.session.failure() == "writes a line that does not end");

  Bench deaf;
  deaf.ready();
  const std::string arguments = R"({"x":")" + std::string(15'000, 'x') + "\"}";
  for (int i = 0; i < 100; ++i) (void)deaf.session.call("a", arguments, 0);
  CHECK(deaf.session.failure() == "does not read what it is sent");
  CHECK(deaf.session.take_results().size() == 100);
  CHECK(deaf.session.output().empty());
}
