// Tools in a text turn that is tried more than once.
#include <doctest/doctest.h>

#include <algorithm>

#include "chat_client.hpp"
#include "fake_tool.hpp"
#include "valid_messages.hpp"

using namespace prot;
using namespace prot::test;

namespace {

const std::string kLine =
    R"({"type":"message","content":"Light, please","id":"m1","conversation":"00112233445566778899aabbccddeeff"})"
    "\n";

struct TextToolBench {
  /// The client sends its message (again), over a new connection.
  void send() {
    client = std::make_unique<ChatClient>(bench);
    client->send(kLine);
    bench.advance(400 * kMillisecond);  // memory is asked for that conversation first, and does not answer
  }
  /// The model uses the lamp, which answers.
  void use(const std::string& id) {
    bench.model->use_tools("", {{id, "lamp", "{}"}});
    bench.work();
  }
  void fail() {
    bench.model->fail(bench.model->newest()->id, http::ErrorClass::kOverloaded);
    bench.work();
  }
  /// How often the newest request has the result of that call.
  [[nodiscard]] std::ptrdiff_t told(const std::string& id) {
    const auto& messages = bench.model->newest()->request.messages;
    CHECK(complaint(messages).empty());
    return std::count_if(messages.begin(), messages.end(),
                         [&](const auto& one) { return one.tool_call_id == id && one.text == "on"; });
  }

  std::shared_ptr<ToolDesk> desk = std::make_shared<ToolDesk>();
  BrainBench bench{{}, {}, [this] { return one_tool("lamp", desk); }};
  std::unique_ptr<ChatClient> client;
};

}  // namespace

TEST_CASE("an attempt knows every tool that those before it used, whatever ended them") {
  TextToolBench text;
  text.desk->answer = "on";
  text.send();
  text.use("call_aaaaaaaa");
  text.fail();
  CHECK(text.client->type() == "error");
  text.send();
  CHECK(text.told("call_aaaaaaaa") == 1);
  text.use("call_bbbbbbbb");
  CHECK(text.told("call_bbbbbbbb") == 1);
  text.bench.restart();  // in the second attempt
  text.send();
  CHECK(text.told("call_aaaaaaaa") == 1);
  CHECK(text.told("call_bbbbbbbb") == 1);
  text.use("call_cccccccc");
  text.fail();  // the third
  text.bench.restart();
  text.send();
  for (const char* id : {"call_aaaaaaaa", "call_bbbbbbbb", "call_cccccccc"}) {
    CAPTURE(id);
    CHECK(text.told(id) == 1);
  }
  CHECK(text.desk->started.size() == 3);
  text.bench.model->reply("It is on.");
  text.bench.work();
  CHECK(text.client->type() == "chunk");
  CHECK(text.client->type() == "done");
}
