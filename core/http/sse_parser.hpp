#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace prot::http {

/// One server-sent event.
struct SseEvent {
  std::string event;  // empty when the stream named none; "error" for llama.cpp's "error: {...}" line
  std::string data;   // the data lines joined by "\n"; never empty
  std::string id;
};

/// Parses server-sent events from bytes that come split anywhere. Lines end with LF, CR or CRLF; a byte order
/// mark at the start and comments are skipped; an event without data is dropped; unknown fields are ignored.
/// Not thread-safe. Invariant: holds at most `max_event_bytes` of an unfinished event.
class SseParser {
 public:
  explicit SseParser(std::size_t max_event_bytes = 1U << 20U);

  /// The events that are complete now. Throws Error when one grows above the limit; the parser is then reset.
  [[nodiscard]] std::vector<SseEvent> push(std::string_view bytes);
  /// End of the stream: also the last event when its blank line is missing. Then as new.
  [[nodiscard]] std::vector<SseEvent> finish();
  void reset();

 private:
  void take_line(std::vector<SseEvent>& out);
  void dispatch(std::vector<SseEvent>& out);

  std::size_t max_event_bytes_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
};

}  // namespace prot::http
