#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "mcp/server.hpp"

namespace prot::brain {

/// A server as the owner's thread sees it.
struct McpView {
  std::string name;
  std::string words;
  std::vector<McpTool> tools;
  std::vector<std::string> confirm;
  std::vector<std::string> free;
};

/// All MCP servers, on one worker thread: whatever a server does, the owner's loop never waits for it.
/// Thread-safe. Lifetime: `wake` is called on the worker, never after the destructor returns, which takes at
/// most half a second and leaves no process.
class McpHub {
 public:
  using CallId = std::uint64_t;  // 0 is never given

  McpHub(std::vector<McpCommand> commands, McpTimes times, const std::string& version,
         std::function<void()> wake);
  ~McpHub();
  McpHub(const McpHub&) = delete;
  McpHub& operator=(const McpHub&) = delete;

  /// Grows with every change of what views() tells.
  [[nodiscard]] std::uint64_t version() const;
  [[nodiscard]] std::vector<McpView> views() const;
  [[nodiscard]] Nanos call_limit() const noexcept { return times_.call_limit; }

  [[nodiscard]] CallId call(std::size_t server, std::string tool, std::string arguments);
  /// Once.
  [[nodiscard]] std::optional<McpResult> take(CallId call);
  void cancel(CallId call);

 private:
  struct Order {
    CallId id = 0;
    std::size_t server = 0;
    std::string tool;  // empty: cancel
    std::string arguments;
  };
  struct Underway {
    std::size_t server;
    std::uint64_t call;
  };
  void run();
  void obey(Nanos now);
  void publish(bool changed, Nanos now);
  void end_all();
  void wake_worker() noexcept;

  McpTimes times_;
  std::function<void()> wake_;
  UniqueFd bell_;  // for the worker
  // The worker's.
  std::vector<McpServer> servers_;
  std::map<CallId, Underway> underway_;
  // Protected by mutex_.
  mutable std::mutex mutex_;
  std::vector<Order> orders_;
  std::map<CallId, McpResult> results_;
  std::vector<McpView> views_;
  std::uint64_t changes_ = 0;
  CallId last_call_ = 0;
  bool stop_ = false;

  std::thread worker_;
};

}  // namespace prot::brain
