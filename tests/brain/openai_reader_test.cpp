#include "brain/engines/openai_reader.hpp"

#include <doctest/doctest.h>

#include "http/sse_parser.hpp"

using namespace prot;
using namespace prot::brain;
using State = AnswerReader::State;

namespace {

struct Outcome {
  State state = State::kOpen;
  std::vector<ToolCall> calls;
  Usage usage;
};

Outcome read(const std::vector<std::string>& events) {
  Outcome out;
  OpenAiReader reader("http://x/v1/chat/completions", false);
  std::vector<ModelEvent> made;
  for (const std::string& data : events)
    if (out.state == State::kOpen) out.state = reader.take({{}, data, {}}, made);
  for (const ModelEvent& event : made) {
    if (event.kind == ModelEvent::Kind::kToolCall) out.calls.push_back(event.call);
    if (event.kind == ModelEvent::Kind::kUsage) out.usage = event.usage;
  }
  return out;
}

}  // namespace

TEST_CASE("a call whose index is none belongs to the one before, and a new id is a new call") {
  const Outcome out = read(
      {R"({"choices":[{"delta":{"tool_calls":[{"index":9223372036854775807,"id":"a","function":{"name":"lamp"}},)"
       R"({"index":9223372036854775807,"id":"b","function":{"name":"lock"}}]}}]})",
       R"({"choices":[{"delta":{"tool_calls":[{"index":-1,"function":{"arguments":"{}"}}]},"finish_reason":"stop"}]})",
       "[DONE]"});
  CHECK(out.state == State::kOver);
  REQUIRE(out.calls.size() == 2);
  CHECK(out.calls[0].id == "a");
  CHECK(out.calls[0].arguments.empty());
  CHECK(out.calls[1].id == "b");
  CHECK(out.calls[1].name == "lock");
  CHECK(out.calls[1].arguments == "{}");
}

TEST_CASE("numbers that no count of tokens and no time can be are the nearest that can") {
  const Outcome out = read(
      {R"({"usage":{"prompt_tokens":-1,"completion_tokens":1e15},"timings":{"prompt_n":7,"prompt_ms":1e300}})"});
  CHECK(out.usage.prompt_tokens == 0);
  CHECK(out.usage.reply_tokens == UINT32_MAX);
  CHECK(out.usage.read_tokens == 7);
  CHECK(out.usage.read_ns == 3600 * kSecond);
  CHECK(read({R"({"usage":{},"timings":{"prompt_ms":-5}})"}).usage.read_ns == 0);
  CHECK(read({R"({"usage":{},"timings":{"prompt_ms":12.5}})"}).usage.read_ns == 12'500'000);
}
