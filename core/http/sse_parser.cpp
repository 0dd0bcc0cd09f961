#include "http/sse_parser.hpp"

#include <utility>

#include "base/error.hpp"

namespace prot::http {

SseParser::SseParser(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

std::vector<SseEvent> SseParser::push(std::string_view bytes) {
  std::vector<SseEvent> out;
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {  // the second half of CRLF
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    line_.append(bytes.substr(0, end));
    if (line_.size() + event_.data.size() > max_event_bytes_) {
      reset();
      throw Error("server-sent event longer than " + std::to_string(max_event_bytes_) + " bytes");
    }
    if (end == std::string_view::npos) return out;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    take_line(out);
  }
  return out;
}

std::vector<SseEvent> SseParser::finish() {
  std::vector<SseEvent> out;
  if (!line_.empty()) take_line(out);
  dispatch(out);
  reset();
  return out;
}

void SseParser::reset() {
  line_.clear();
  event_ = {};
  has_data_ = false;
  after_cr_ = false;
  at_start_ = true;
}

void SseParser::take_line(std::vector<SseEvent>& out) {
  const std::string whole = std::exchange(line_, {});
  std::string_view line = whole;
  if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.empty()) return dispatch(out);
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data" || field == "error") {
    if (field == "error") event_.event = "error";  // not in the standard: what some llama-server builds send
    if (std::exchange(has_data_, true)) event_.data += '\n';
    event_.data += value;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id") {
    event_.id = value;
  }
}

void SseParser::dispatch(std::vector<SseEvent>& out) {
  if (!event_.data.empty()) out.push_back(event_);
  event_ = {};
  has_data_ = false;
}

}  // namespace prot::http
