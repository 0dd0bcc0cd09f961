#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.hpp"

namespace prot::wyoming {

/// What goes over a connection, in both directions. Move-only.
struct Event {
  std::string type;
  json::Document header;  // its "data" may hold what `data` does not
  json::Document data;
  std::string payload;
  std::size_t size = 0;  // of all its bytes, as they came

  /// A value of the event's data, wherever the peer has put it; null when there is none.
  [[nodiscard]] json::View get(std::string_view key) const noexcept;
};

/// The bytes of an event. `data`: a JSON object, empty: there is none.
[[nodiscard]] std::string encoded(std::string_view type, std::string_view data = {},
                                  std::string_view payload = {});

/// Bytes, split anywhere, into events. Not thread-safe. Invariant: it keeps no more than one event and what
/// was pushed last.
class Reader {
 public:
  void push(std::string_view bytes) { buffer_.append(bytes); }
  /// The next whole event; nothing: more bytes are needed. Throws Error when what came is none: behind that
  /// nothing can be understood any more.
  [[nodiscard]] std::optional<Event> next();
  /// No event has begun: here the peer may end.
  [[nodiscard]] bool at_boundary() const noexcept { return !head_ && buffer_.empty(); }

 private:
  struct Head {
    json::Document line;
    std::size_t size = 0;
    std::size_t data = 0;
    std::size_t payload = 0;
  };
  [[nodiscard]] bool take_line();

  std::string buffer_;
  std::size_t searched_ = 0;  // of buffer_: without a line's end
  std::optional<Head> head_;
};

}  // namespace prot::wyoming
