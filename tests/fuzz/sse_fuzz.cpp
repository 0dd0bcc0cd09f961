// Server-sent events: however the bytes were divided, the same events come, and none is above the limit.
#include <optional>
#include <vector>

#include "http/sse_parser.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

constexpr std::size_t kLimit = 512;  // within reach of an input

/// Nothing: an event was above the limit, and what follows may be anything.
std::optional<std::vector<http::SseEvent>> read(std::string_view bytes, Split split) {
  http::SseParser parser(kLimit);
  std::vector<http::SseEvent> events;
  const auto add = [&](std::vector<http::SseEvent> more) {
    for (http::SseEvent& event : more) events.push_back(std::move(event));
  };
  try {
    in_pieces(bytes, split, [&](std::string_view piece) { add(parser.push(piece)); });
    add(parser.finish());
  } catch (const Error&) {
    return std::nullopt;
  }
  return events;
}

bool same(const std::vector<http::SseEvent>& a, const std::vector<http::SseEvent>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].event != b[i].event || a[i].data != b[i].data || a[i].id != b[i].id) return false;
  return true;
}

bool is_line(std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; }

/// As a server would write them.
std::string written(const std::vector<http::SseEvent>& events) {
  std::string out = "\xEF\xBB\xBF";  // else one that stands in an event's name could be taken for it
  for (const http::SseEvent& event : events) {
    out += "event: " + event.event + "\nid: " + event.id + "\ndata: ";
    for (const char c : event.data) out += c == '\n' ? std::string("\ndata: ") : std::string(1, c);
    out += "\n\n";
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = text_of(data, size);
  const auto events = read(bytes, Split::kNone);
  for (const Split split : {Split::kBytes, Split::kAny}) {
    const auto others = read(bytes, split);
    require(events.has_value() == others.has_value(), "a limit that is met in one piece is met in many");
    require(!events || same(*events, *others), "pieces give the same events");
  }
  if (!events) return 0;
  std::size_t total = 0;
  for (const http::SseEvent& event : *events) {
    require(!event.data.empty(), "an event has data");
    require(event.data.size() <= kLimit, "an event is within the limit");
    require(is_line(event.event) && is_line(event.id), "names are of one line");
    require(event.data.find('\r') == std::string::npos, "a line ends at CR");
    total += event.data.size();
  }
  require(total <= size, "no byte comes twice");
  const auto again = read(written(*events), Split::kNone);
  require(!again || same(*events, *again), "what was read can be written and read again");
  return 0;
}
