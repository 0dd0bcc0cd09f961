#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcp/child.hpp"
#include "mcp/session.hpp"

namespace prot::brain {

struct McpTimes {
  Nanos start_limit = 10 * kSecond;  // for its first answer
  Nanos call_limit = 10 * kSecond;
};

/// One MCP server: its process, its connection, and another one of both when it fails, after a back-off (1 s,
/// doubled, at most 60 s; reset by a minute of health). One thread, which makes and ends the process.
class McpServer {
 public:
  static constexpr Nanos kFirstBackOff = kSecond;
  static constexpr Nanos kLongestBackOff = 60 * kSecond;
  static constexpr Nanos kHealthy = 60 * kSecond;

  McpServer(McpCommand command, McpTimes times, std::string version);

  /// What is to be polled; handle() gets them back with their events.
  void add_polls(std::vector<pollfd>& polls) const;
  void handle(const std::vector<pollfd>& polls, Nanos now);
  /// Starts it, lets its times pass. True: what words() or tools() say may have changed.
  bool tick(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;
  /// Its input ends, so that it may go by itself.
  void ask_to_end() noexcept;
  /// Readable when its process has ended; -1: it has none.
  [[nodiscard]] int status() const noexcept { return child_ ? child_->status() : -1; }

  /// 0: it is not ready now.
  [[nodiscard]] std::uint64_t call(std::string_view tool, std::string_view arguments, Nanos now);
  void cancel(std::uint64_t call, Nanos now);
  [[nodiscard]] std::map<std::uint64_t, McpResult> take_results();

  [[nodiscard]] const McpCommand& command() const noexcept { return command_; }
  /// Empty while it is not ready.
  [[nodiscard]] const std::vector<McpTool>& tools() const noexcept;
  /// "3 tools", "starting", "down: hangs; tried again in 4 s".
  [[nodiscard]] std::string words(Nanos now) const;
  [[nodiscard]] unsigned starts() const noexcept { return starts_; }

 private:
  void start(Nanos now);
  void watch(Nanos now);
  void end(const std::string& why, Nanos now);
  void read_output(Nanos now);
  void read_errors();
  void write_input();

  McpCommand command_;
  McpTimes times_;
  std::string version_;
  std::unique_ptr<McpChild> child_;
  std::optional<McpSession> session_;
  std::map<std::uint64_t, McpResult> results_;  // of a session that is over
  std::uint64_t calls_before_ = 0;              // ids are never used twice
  std::string last_words_;                      // its newest line on stderr
  std::string why_down_;
  Nanos next_start_ = 0;
  Nanos closed_until_ = kNever;  // its output is; it should end by then
  Nanos ready_since_ = kNever;
  Nanos back_off_ = 0;
  unsigned starts_ = 0;
  bool changed_ = false;  // what words() or tools() say
  std::vector<McpTool> told_;
};

}  // namespace prot::brain
