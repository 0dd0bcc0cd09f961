#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "json/json.hpp"

namespace prot::brain {

/// A tool as a server offers it.
struct McpTool {
  std::string name;
  std::string description;
  std::string schema;     // JSON schema of the arguments
  bool harmless = false;  // as the server claims
  friend bool operator==(const McpTool&, const McpTool&) = default;
};

/// What came of a call.
struct McpResult {
  bool failed = false;
  std::string text;
};

/// One connection to an MCP server: the bytes that come, the bytes that go. Pure: no process, no clock.
///
///   initializing -> listing (the server's version is one that we speak) -> ready <-> listing (list_changed)
///   any -> broken: failure() says why; it is to be ended and begun anew
///
/// Whatever a server sends is bounded: lines (kMaxLine: a longer one is read over and fails the calls under
/// way), lines a second, garbage, tools, schemas, unread output. One thread.
class McpSession {
 public:
  static constexpr std::size_t kMaxLine = 4U << 20U;
  static constexpr std::size_t kMaxEndless = 64U << 20U;  // of a line that does not end
  static constexpr std::size_t kMaxUnread = 1U << 20U;    // of ours, that the server does not read
  static constexpr std::size_t kMaxTools = 64;
  static constexpr std::size_t kMaxPages = 16;
  static constexpr std::size_t kMaxSchema = 16U << 10U;
  static constexpr std::size_t kMaxDescription = 1024;
  static constexpr std::size_t kMaxResult = 64U << 10U;
  static constexpr unsigned kMaxLinesASecond = 2000;
  static constexpr unsigned kMaxGarbage = 100;  // lines
  static constexpr unsigned kMaxLong = 3;       // lines
  static constexpr Nanos kPongLimit = 5 * kSecond;
  static constexpr Nanos kListEvery = kSecond;  // at most
  enum class State : std::uint8_t { kInitializing, kListing, kReady, kBroken };

  McpSession(std::string version, Nanos start_limit, Nanos now);

  void feed(std::string_view bytes, Nanos now);
  /// What is to be written; `written` bytes of it are gone.
  [[nodiscard]] const std::string& output() const noexcept { return output_; }
  void written(std::size_t bytes) { output_.erase(0, bytes); }
  void tick(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;

  /// REQUIRES: state() is ready or listing again. `arguments`: a JSON object.
  std::uint64_t call(std::string_view tool, std::string_view arguments, Nanos now);
  /// Nobody waits for it any more: the server is told, and asked whether it still lives.
  void cancel(std::uint64_t call, Nanos now);
  /// Results since the last time.
  [[nodiscard]] std::map<std::uint64_t, McpResult> take_results();

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool has_list() const noexcept { return has_list_; }
  [[nodiscard]] const std::vector<McpTool>& tools() const noexcept { return tools_; }
  [[nodiscard]] std::size_t left_out() const noexcept {
    return left_out_;
  }  // tools that were too odd or many
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  /// Ends it, and every call with that reason.
  void fail(const std::string& why);

 private:
  void take_line(std::string_view line, Nanos now);
  void take_message(json::View message, Nanos now);
  void take_answer(std::uint64_t id, json::View message, Nanos now);
  void take_welcome(json::View message, Nanos now);
  void take_page(json::View message, Nanos now);
  void take_tool(json::View tool);
  void fail_calls(const std::string& why);
  void count_line(Nanos now);
  std::uint64_t request(std::string_view method, std::string_view params);
  void notify(std::string_view method, std::string_view params);
  void put(std::string_view line);
  void ask_list(std::string_view cursor, Nanos now);

  std::string version_;
  State state_ = State::kInitializing;
  std::string failure_;
  std::string input_;
  std::size_t skipped_ = 0;  // of a line that is too long; 0: none
  std::string output_;
  std::uint64_t last_id_ = 0;
  std::uint64_t asked_ = 0;  // initialize, or tools/list
  std::uint64_t ping_ = 0;
  Nanos until_;  // for what is asked
  Nanos pong_until_ = kNever;
  Nanos listed_at_ = 0;
  bool list_wanted_ = false;
  bool has_list_ = false;
  std::size_t pages_ = 0;
  std::vector<McpTool> tools_;
  std::vector<McpTool> coming_;
  std::size_t left_out_ = 0;
  std::map<std::uint64_t, bool> calls_;  // under way
  std::map<std::uint64_t, McpResult> results_;
  Nanos second_ = 0;
  unsigned lines_ = 0;
  unsigned garbage_ = 0;
  unsigned long_lines_ = 0;
};

/// The content of a tools/call result as one text.
[[nodiscard]] McpResult read_result(json::View result);

}  // namespace prot::brain
