#include "event_feed.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "json/json.hpp"

namespace prot::web {
namespace {
// A comment would do for the server, but a page never sees one.
constexpr const char* kAlive = "event: alive\ndata: {\"type\":\"alive\"}\n\n";
constexpr const char* kConnected = "event: connected\ndata: {\"type\":\"connected\"}\n\n";
// Whether what is said is kept is told when it changes; whoever comes later asks.
constexpr const char* kAskRecord = R"({"type":"record"})";
}  // namespace

std::string event_text(std::string_view line) {
  try {
    const json::Document event = json::parse(line);
    const std::string type(event.get("type").as_string());
    const bool word = !type.empty() && std::all_of(type.begin(), type.end(),
                                                   [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    if (!word || line.find_first_of("\r\n") != std::string_view::npos) return {};
    return "event: " + type + "\ndata: " + std::string(line) + "\n\n";
  } catch (const Error&) {
    return {};
  }
}

void EventFeed::add(http::ConnectionId id, Nanos now) {
  if (listeners_.empty()) alive_at_ = now + kAliveEvery;
  listeners_.insert(id);
  if (link_.open()) {
    send_(id, kConnected);
    link_.send(kAskRecord);
  } else {
    connect_at_ = now;
  }
}

void EventFeed::gone(http::ConnectionId id) {
  listeners_.erase(id);
  if (!listeners_.empty()) return;
  link_.close();
  connect_at_ = kNever;
}

void EventFeed::tell(std::string_view line) {
  if (const std::string text = event_text(line); !text.empty()) to_all(text);
}

int EventFeed::pump(Nanos now) {
  int lines = 0;
  for (const std::string& line : link_.take()) {
    ++lines;
    tell(line);
  }
  if (listeners_.empty()) return lines;
  if (!link_.open() && connect_at_ == kNever) connect_at_ = now;  // it has just gone
  if (now >= connect_at_) {
    const bool connected = link_.connect();
    connect_at_ = connected ? kNever : now + kConnectAgain;
    if (connected) {
      link_.send(R"({"type":"subscribe"})");
      to_all(kConnected);
      link_.send(kAskRecord);
    }
  }
  if (now >= alive_at_) {
    alive_at_ = now + kAliveEvery;
    to_all(kAlive);
  }
  return lines;
}

void EventFeed::to_all(const std::string& text) {
  for (const http::ConnectionId id : listeners_) send_(id, text);
}

Nanos EventFeed::next_deadline() const noexcept {
  return listeners_.empty() ? kNever : std::min(connect_at_, alive_at_);
}

}  // namespace prot::web
