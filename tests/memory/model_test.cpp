// The local language model behind a real llama-server, as the supervisor would start it.
#include <doctest/doctest.h>
#include <unistd.h>

#include <thread>

#include "memory/extraction/extraction.hpp"
#include "memory/models/openai.hpp"
#include "tests/memory/llama_server.hpp"
#include "tests/memory/memory_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

OpenAiServer address(const LlamaServer& server) {
  return {"http://localhost/v1", server.socket(), "", "", true};
}

Job job(const std::string& said, const std::string& reply) {
  Job out;
  out.conversation = key(1, 0).conversation;
  out.first_seq = 10;
  out.last_seq = 11;
  out.context = {message(1, 10, Role::kUser, said), message(1, 11, Role::kAssistant, reply)};
  return out;
}

}  // namespace

TEST_CASE("the local model notes what the user tells, in the form that was asked for") {
  const LlamaServer server;
  const auto model = make_openai_model(address(server));
  const auto ask = [&](const Job& exchange) {
    const Nanos begin = monotonic_now();
    const std::string answer = model->ask(extraction_instructions(), extraction_question(exchange),
                                          extraction_schema(), std::stop_token());
    const Nanos took = (monotonic_now() - begin) / kMillisecond;
    MESSAGE("ms: " << took << ", answer: " << answer);
    return parse_answer(answer, exchange);
  };
  const Extraction colour =
      ask(job("My favourite colour is teal.", "Teal is a calm colour, somewhere between blue and green."));
  REQUIRE_FALSE(colour.facts.empty());
  CHECK(colour.facts[0].subject == "user");
  CHECK(colour.facts[0].object.find("teal") != std::string::npos);

  const Extraction sister = ask(job("My sister Anna lives in Toronto.", "That is far away."));
  REQUIRE_FALSE(sister.facts.empty());
  bool toronto = false;
  for (const Fact& fact : sister.facts) toronto |= fact.statement.find("Toronto") != std::string::npos;
  CHECK(toronto);
  // What the assistant said stays out, whatever the model makes of it.
  for (const Fact& fact : ask(job("I like tea. What is the capital of France?", "Paris.")).facts)
    CHECK(fact.object.find("Paris") == std::string::npos);

  // Speech stops it at once.
  std::stop_source stop;
  std::jthread stopper([&] {
    ::usleep(300'000);
    stop.request_stop();
  });
  const Nanos begin = monotonic_now();
  try {
    const Job long_one =
        job("I have a dog called Rex, a cat called Misty and a horse called Star.", "So many.");
    (void)model->ask(extraction_instructions(), extraction_question(long_one), extraction_schema(),
                     stop.get_token());
    WARN(monotonic_now() - begin < kSecond);  // faster than it could be stopped
  } catch (const ServiceError& e) {
    CHECK(e.kind() == ServiceError::Kind::kCancelled);
    CHECK(monotonic_now() - begin < 2 * kSecond);
  }
}

TEST_CASE("a server that is not there says nothing about the job") {
  const auto model = make_openai_model({"http://localhost/v1", "/nowhere/llm.sock", "", "", true});
  try {
    (void)model->ask("a", "b", extraction_schema(), std::stop_token());
    FAIL("it answered");
  } catch (const ServiceError& e) {
    CHECK(e.kind() == ServiceError::Kind::kUnavailable);
  }
}
