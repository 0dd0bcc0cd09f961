#include "http/sse_parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.hpp"

using prot::http::SseEvent;
using prot::http::SseParser;

namespace {

/// "event|data" for each event, in pieces of `piece` bytes.
std::vector<std::string> parse(std::string_view stream, std::size_t piece = std::string::npos) {
  SseParser parser;
  std::vector<std::string> out;
  const auto add = [&](const std::vector<SseEvent>& events) {
    for (const SseEvent& event : events) out.push_back(event.event + "|" + event.data);
  };
  while (!stream.empty()) {
    add(parser.push(stream.substr(0, piece)));
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  add(parser.finish());
  return out;
}

using Events = std::vector<std::string>;

}  // namespace

TEST_CASE("an event is its data lines until a blank line") {
  CHECK(parse("data: one\n\ndata: two\ndata:  three\n\n") == Events{"|one", "|two\n three"});
  CHECK(parse("event: delta\ndata:{\"a\":1}\n\n") == Events{"delta|{\"a\":1}"});
}

TEST_CASE("comments, unknown fields, and events without data are skipped") {
  CHECK(parse(": ping\n\nevent: empty\n\nretry: 5\nfoo: bar\nfoo\ndata: x\n\ndata:\n\n") == Events{"|x"});
}

TEST_CASE("lines end with LF, CR or CRLF") {
  CHECK(parse("data: a\r\n\r\ndata: b\r\rdata: c\n\n") == Events{"|a", "|b", "|c"});
}

TEST_CASE("a byte order mark at the start is skipped") {
  CHECK(parse("\xEF\xBB\xBF"
              "data: a\n\n") == Events{"|a"});
}

TEST_CASE("a last event without its blank line counts") {
  CHECK(parse("data: [DONE]") == Events{"|[DONE]"});
  CHECK(parse("data: [DONE]\n") == Events{"|[DONE]"});
}

TEST_CASE("a line that starts with error is an error event") {
  CHECK(parse("error: {\"code\":400}\n\ndata: [DONE]\n\n") == Events{"error|{\"code\":400}", "|[DONE]"});
}

TEST_CASE("the same events come however the bytes are divided") {
  const std::string stream =
      "\xEF\xBB\xBF: hi\r\nevent: a\r\ndata: 안녕 😀\r\ndata: zwei\r\n\r\nid: 7\rdata: c\r\r\nerror: "
      "e\n\n\ndata: [DONE]";
  const Events whole = parse(stream);
  CHECK(whole == Events{"a|안녕 😀\nzwei", "|c", "error|e", "|[DONE]"});
  for (std::size_t piece = 1; piece < stream.size(); ++piece) CHECK(parse(stream, piece) == whole);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    SseParser parser;
    std::size_t count = parser.push(std::string_view(stream).substr(0, cut)).size();
    count += parser.push(std::string_view(stream).substr(cut)).size() + parser.finish().size();
    CHECK(count == whole.size());
  }
}

TEST_CASE("an event that grows without end is refused, and the parser can go on") {
  SseParser parser(1000);
  CHECK_THROWS_AS((void)parser.push("data: " + std::string(2000, 'x')), prot::Error);
  CHECK(parser.push("data: ok\n\n").size() == 1);
  const auto many_lines = [&] {
    for (int i = 0; i < 200; ++i) (void)parser.push("data: 0123456789\n");
  };
  CHECK_THROWS_AS(many_lines(), prot::Error);
  for (int i = 0; i < 200; ++i) CHECK(parser.push("data: 0123456789\n\n").size() == 1);
}
