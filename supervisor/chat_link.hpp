#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/paths.hpp"
#include "base/unique_fd.hpp"
#include "json/json.hpp"

namespace prot::supervisor {

/// Ctrl-C while somebody waits: from the first such object on it ends no program, but every wait of a
/// ChatLink and of the line editor. One per process.
class CtrlC {
 public:
  CtrlC();
  ~CtrlC();
  CtrlC(const CtrlC&) = delete;
  CtrlC& operator=(const CtrlC&) = delete;
  /// Was it pressed since the last call?
  [[nodiscard]] static bool take() noexcept;
  /// Was the terminal resized, or this process continued, since the last call?
  [[nodiscard]] static bool take_refresh() noexcept;
  /// Waits until `fd` can be read: true; or a signal came: false. None is missed between look and sleep.
  [[nodiscard]] static bool wait_readable(int fd);
};

/// One connection to chat.sock: JSON objects by line. Blocking, for a terminal. One thread.
class ChatLink {
 public:
  /// `may_stop`: a CtrlC is there, waits end by it.
  ChatLink(InstancePaths paths, bool may_stop) : paths_(std::move(paths)), may_stop_(may_stop) {}

  /// Throws Error: exit code 3 when the instance does not run.
  void connect();
  /// brain is restarted: its socket comes back within a moment. Throws Error when it does not, or on Ctrl-C.
  void reconnect();
  void close() noexcept { socket_.reset(); }
  /// Has the other side gone since the last answer? Never waits.
  [[nodiscard]] bool is_gone() const noexcept;
  /// False: the other side is gone.
  [[nodiscard]] bool send_message(const std::string& content, const std::string& id);
  [[nodiscard]] bool send_stop();

  enum class Got { kObject, kGone, kStopped };
  /// The next object; gone: the other side is; stopped: Ctrl-C.
  [[nodiscard]] Got next(json::Document& object);

 private:
  [[nodiscard]] bool send(const std::string& json);
  void say_hello();

  InstancePaths paths_;
  bool may_stop_;
  UniqueFd socket_;
  std::string input_;
  std::string conversation_;
};

}  // namespace prot::supervisor
