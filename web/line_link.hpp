#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "stage/event_loop.hpp"

namespace prot::web {

/// A connection to a Unix socket, non-blocking; empty: nobody listens there, or takes it at once.
[[nodiscard]] UniqueFd connect_unix_now(const std::string& path) noexcept;

/// A client's end of chat.sock: lines of text both ways. Never blocks. Bounded: a line that is too long, or a
/// brain that does not read, ends the connection. One thread (the loop's). Lifetime: the loop lives longer.
class LineLink {
 public:
  static constexpr std::size_t kLongestLine = 1U << 20U;
  static constexpr std::size_t kMostUnsent = 1U << 18U;

  LineLink(stage::EventLoop& loop, std::string path) : loop_(&loop), path_(std::move(path)) {}
  ~LineLink() { close(); }
  LineLink(const LineLink&) = delete;
  LineLink& operator=(const LineLink&) = delete;

  /// False: nobody listens there.
  bool connect();
  void close() noexcept;
  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(socket_); }
  /// One line, without its end; nothing while it is not open.
  void send(std::string_view line);
  /// What came since the last call, without ends. A link that broke is not open any more.
  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  void read();
  void flush();

  stage::EventLoop* loop_;
  std::string path_;
  UniqueFd socket_;
  stage::EventLoop::WatchId readable_ = 0;
  stage::EventLoop::WatchId writable_ = 0;
  std::string in_;
  std::string out_;
  std::vector<std::string> lines_;
};

}  // namespace prot::web
