#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/paths.hpp"
#include "base/unique_fd.hpp"

/// control.sock: one message = 4 bytes length (little-endian, at most 64 KiB) + one JSON object; descriptors
/// ride on the first byte (SCM_RIGHTS). doc/developer.md lists the commands.
namespace prot::stage {

inline constexpr std::size_t kMaxControlMessage = 64 * 1024;

/// Sends one message, blocking. Throws Error.
void send_message(int socket, std::string_view json, const std::vector<int>& fds = {});
/// Receives one message, blocking; false at end of file. Throws Error on a malformed one.
bool receive_message(int socket, std::string& json, std::vector<UniqueFd>& fds);

/// Connects to an instance's supervisor. Blocking: for command-line tools and start-up only.
class ControlClient {
 public:
  /// Throws Error with exit code 3 when nothing listens ("instance 'x' is not running"), Untrusted when
  /// somebody else does.
  explicit ControlClient(const InstancePaths& paths);
  /// One request, one reply.
  std::string call(std::string_view request);
  std::string call(std::string_view request, std::vector<UniqueFd>& fds);
  /// Next message of a reply that goes on (logs -f); false at end of file.
  bool next(std::string& json);
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] UniqueFd release() noexcept { return std::move(socket_); }

 private:
  UniqueFd socket_;
};

/// A listening Unix socket at `path`, mode 0600, non-blocking; a stale file of a dead owner is replaced.
/// Throws Error (socket in use; path too long).
[[nodiscard]] UniqueFd listen_unix(const std::string& path);
/// Connects; throws Untrusted when the folder, or who listens there, is not this user's (base/ownership.hpp),
/// else Error.
[[nodiscard]] UniqueFd connect_unix(const std::string& path);
/// Whether the one who listens at the other end is this user: the kernel says who it is.
[[nodiscard]] bool is_own_peer(int socket) noexcept;

}  // namespace prot::stage
