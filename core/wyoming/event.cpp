#include "wyoming/event.hpp"

#include <utility>

#include "base/error.hpp"

namespace prot::wyoming {
namespace {

constexpr std::size_t kLongestLine = 64U << 10U;
constexpr std::size_t kMostData = 16U << 20U;
constexpr std::size_t kMostPayload = 16U << 20U;

std::size_t length_of(const json::Document& line, std::string_view key, std::size_t most) {
  const json::View value = line.get(key);
  if (value.is_null()) return 0;
  const std::int64_t length = value.as_int(-1);
  if (length < 0) throw Error("not Wyoming: its " + std::string(key) + " is no length");
  if (static_cast<std::uint64_t>(length) > most)
    throw Error("an event's " + std::string(key) + " is longer than allowed");
  return static_cast<std::size_t>(length);
}

}  // namespace

json::View Event::get(std::string_view key) const noexcept {
  const json::View own = data.get(key);
  return own ? own : header.get("data").get(key);
}

std::string encoded(std::string_view type, std::string_view data, std::string_view payload) {
  json::Writer head;
  head.begin_object().member("type", type);
  if (!data.empty()) head.member("data_length", data.size());
  if (!payload.empty()) head.member("payload_length", payload.size());
  std::string bytes = head.end_object().str();
  bytes.reserve(bytes.size() + 1 + data.size() + payload.size());
  return bytes.append("\n").append(data).append(payload);
}

// True: there is a head.
bool Reader::take_line() {
  const std::size_t end = buffer_.find('\n', searched_);
  if (end == std::string::npos ? buffer_.size() > kLongestLine : end > kLongestLine)
    throw Error("not Wyoming: a line is longer than allowed");
  searched_ = buffer_.size();
  if (end == std::string::npos) return false;
  Head head{json::parse(std::string_view(buffer_).substr(0, end)), end + 1};
  if (!head.line.get("type").is_string()) throw Error("not Wyoming: an event without a type");
  head.data = length_of(head.line, "data_length", kMostData);
  head.payload = length_of(head.line, "payload_length", kMostPayload);
  buffer_.erase(0, end + 1);
  searched_ = 0;
  head_ = std::move(head);
  return true;
}

std::optional<Event> Reader::next() {
  if (!head_ && !take_line()) return std::nullopt;
  if (buffer_.size() < head_->data + head_->payload) return std::nullopt;
  Event event;
  if (head_->data > 0) event.data = json::parse(std::string_view(buffer_).substr(0, head_->data));
  event.type = head_->line.get("type").as_string();
  event.payload = buffer_.substr(head_->data, head_->payload);
  event.size = head_->size + head_->data + head_->payload;
  event.header = std::move(head_->line);
  buffer_.erase(0, head_->data + head_->payload);
  head_.reset();
  searched_ = 0;
  return event;
}

}  // namespace prot::wyoming
