// Wyoming: header, data and payload of each event, however the bytes were divided.
#include <vector>

#include "tests/fuzz/fuzz_support.hpp"
#include "wyoming/event.hpp"

using namespace prot;
using namespace prot::fuzz;
using wyoming::Event;

namespace {

struct Stream {
  std::vector<Event> events;
  bool refused = false;
  bool at_boundary = true;
};

Stream read(std::string_view bytes, Split split) {
  Stream stream;
  wyoming::Reader reader;
  in_pieces(bytes, split, [&](std::string_view piece) {
    if (stream.refused) return;
    reader.push(piece);
    try {
      while (std::optional<Event> event = reader.next()) stream.events.push_back(std::move(*event));
    } catch (const Error& error) {
      require(utf8::is_valid(error.what()), "the refusal is text");
      stream.refused = true;
    }
  });
  stream.at_boundary = reader.at_boundary();
  return stream;
}

bool same(const Event& a, const Event& b) {
  return a.type == b.type && a.payload == b.payload && a.size == b.size &&
         a.header.root().to_json() == b.header.root().to_json() &&
         a.data.root().to_json() == b.data.root().to_json();
}

/// Its own encoding says the same.
void check(const Event& event) {
  const std::string data = event.data.root() ? event.data.root().to_json() : std::string();
  const Stream again = read(wyoming::encoded(event.type, data, event.payload), Split::kNone);
  require(!again.refused && again.events.size() == 1 && again.at_boundary, "what we send can be read");
  const Event& copy = again.events.front();
  // Read from the same text: a number with more digits than a double has may become its neighbour.
  const json::Document meant = json::parse(data.empty() ? "null" : data);
  require(copy.type == event.type && copy.payload == event.payload &&
              (data.empty() || copy.data.root().to_json() == meant.root().to_json()),
          "what we send is what is meant");
  (void)event.get("text").as_string();
  (void)event.get("rate").as_int();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = text_of(data, size);
  const Stream whole = read(bytes, Split::kNone);
  std::size_t total = 0;
  for (const Event& event : whole.events) {
    total += event.size;
    require(event.payload.size() <= event.size && utf8::is_valid(event.type),
            "an event is no larger than its bytes");
    check(event);
  }
  require(total <= size, "no byte comes twice");
  require(whole.refused || whole.at_boundary == (total == size), "the end is told from the middle");
  for (const Split split : {Split::kBytes, Split::kAny}) {
    const Stream other = read(bytes, split);
    require(whole.refused == other.refused && whole.events.size() == other.events.size(),
            "pieces give as many events");
    for (std::size_t i = 0; i < whole.events.size(); ++i)
      require(same(whole.events[i], other.events[i]), "pieces give the same events");
  }
  return 0;
}
