// Many answers one after the other: whatever happens to each of them, nothing stays behind.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <random>

#include "brain/engines/anthropic.hpp"
#include "model_loop.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;

namespace {

const std::string kText = "켰어요 😀, it is done, as \"you\" said.";

std::string answer() {
  std::string out =
      "event: message_start\ndata: "
      "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}\n\n"
      "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
      "{\"type\":\"text\",\"text\":\"\"}}\n\n";
  for (const char* piece : {"켰어요 😀, it", " is done", ", as \\\"you\\\"", " said."})
    out +=
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
        "{\"type\":\"text_delta\",\"text\":\"" +
        std::string(piece) + "\"}}\n\n";
  return out +
         "event: message_delta\ndata: "
         "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
         "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}

std::size_t descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

AnthropicOptions options_of(const std::string& url) {
  AnthropicOptions options;
  options.url = url;
  options.model = "claude-test";
  options.first_byte_timeout = options.idle_timeout = 5 * kSecond;
  options.attempts = 1;
  return options;
}

/// What happens to one answer.
struct Fate {
  std::size_t piece;
  std::size_t cut;  // bytes that go out
  bool reset;
  int pause_ms;
};

Fate fate_of(unsigned number, std::size_t size) {
  std::mt19937 random(number);
  const bool whole = random() % 2 == 0;
  const std::size_t piece = random() % 50 == 0 ? 1 + random() % 7 : 200 + random() % 400;
  return {piece, whole ? size : random() % size, random() % 2 == 0, random() % 16 == 0 ? 2 : 0};
}

}  // namespace

TEST_CASE("a thousand answers, split, delayed, cut and reset at random, are whole or a classified error") {
  const std::string body = answer();
  std::atomic<unsigned> number = 0;
  LoopbackServer server([&](Connection& connection) {
    const Fate fate = fate_of(number, body.size());
    connection.send(kStreamHead);
    const std::string_view sent = std::string_view(body).substr(0, fate.cut);
    connection.send_slowly(sent.substr(0, sent.size() / 2), fate.piece);
    connection.hold(fate.pause_ms);
    connection.send_slowly(sent.substr(sent.size() / 2), fate.piece);
    if (fate.cut < body.size() && fate.reset) connection.reset();
    return false;
  });
  ModelLoop loop(
      [&](const auto& wake) { return std::make_unique<AnthropicModel>(options_of(server.url()), wake); });
  std::size_t before = 0;
  int whole = 0;
  for (number = 0; number < 1000; ++number) {
    CAPTURE(number.load());
    const std::vector<ModelEvent> events = loop.run(question(), 20'000);
    REQUIRE_FALSE(events.empty());
    const std::string text = text_of(events);
    if (events.back().kind == ModelEvent::Kind::kDone) {
      CHECK(text == kText);
      ++whole;
    } else {
      REQUIRE(events.back().kind == ModelEvent::Kind::kError);
      CHECK(events.back().error == http::ErrorClass::kRetry);
      CHECK(fate_of(number, body.size()).cut < body.size());
      CHECK(kText.substr(0, text.size()) == text);
    }
    if (number == 50) before = descriptors();
  }
  CHECK(whole > 400);
  CHECK(descriptors() <= before + 4);  // connections that wait for the next request, and one that closes
}

TEST_CASE("two hundred cancels in mid-stream: the service sees each, and no byte of the old answer comes") {
  std::atomic<int> closed = 0;
  LoopbackServer server([&](Connection& connection) {
    connection.send(kStreamHead + answer().substr(0, answer().find("event: message_delta")));
    if (connection.closed_within(10'000)) ++closed;
    return false;
  });
  ModelLoop loop(
      [&](const auto& wake) { return std::make_unique<AnthropicModel>(options_of(server.url()), wake); });
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    const RequestId id = loop.model().start(question(), monotonic_now());
    const Nanos until = monotonic_now() + 10 * kSecond;
    std::string text;
    while (text.empty() && monotonic_now() < until) {
      for (const ModelEvent& event : loop.model().poll(monotonic_now())) {
        REQUIRE(event.id == id);
        if (event.kind == ModelEvent::Kind::kText) text += event.text;
      }
      if (text.empty()) loop.wait(until);
    }
    REQUIRE_FALSE(text.empty());
    loop.model().cancel(id);
    CHECK(loop.model().poll(monotonic_now()).empty());
  }
  const Nanos until = monotonic_now() + 10 * kSecond;
  while (closed < 200 && monotonic_now() < until) loop.wait(monotonic_now() + 5 * kMillisecond);
  CHECK(closed == 200);
}
