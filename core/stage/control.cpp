#include "stage/control.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.hpp"
#include "base/ownership.hpp"

namespace prot::stage {
namespace {

constexpr std::size_t kMaxFds = 32;

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    throw Error("socket path too long (" + std::to_string(path.size()) + " bytes, at most " +
                std::to_string(sizeof(address.sun_path) - 1) + "): " + path +
                "; set XDG_RUNTIME_DIR to a shorter folder");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

UniqueFd new_socket(int flags) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) throw errno_error("cannot make a socket");
  return fd;
}

void send_all(int socket, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::send(socket, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error("control socket: send");
    data += n;
    size -= static_cast<std::size_t>(n);
  }
}

// Reads exactly `size` bytes; false at end of file before the first. Descriptors that come along are kept.
bool receive_all(int socket, char* data, std::size_t size, std::vector<UniqueFd>& fds) {
  std::size_t done = 0;
  while (done < size) {
    iovec part{data + done, size - done};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> ancillary{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    const ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error("control socket: receive");
    if (n == 0 && done == 0) return false;
    if (n == 0) throw Error("control socket: message cut off");
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        fds.emplace_back(fd);
      }
    }
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

void send_message(int socket, std::string_view json, const std::vector<int>& fds) {
  if (json.size() > kMaxControlMessage) throw Error("control message too large");
  if (fds.size() > kMaxFds) throw Error("too many descriptors in one control message");
  const auto length = static_cast<std::uint32_t>(json.size());
  std::array<char, 4> head{};
  std::memcpy(head.data(), &length, head.size());
  iovec part{head.data(), head.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = ancillary.data();
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) throw errno_error("control socket: send");
  send_all(socket, head.data() + sent, head.size() - static_cast<std::size_t>(sent));
  send_all(socket, json.data(), json.size());
}

bool receive_message(int socket, std::string& json, std::vector<UniqueFd>& fds) {
  std::array<char, 4> head{};
  if (!receive_all(socket, head.data(), head.size(), fds)) return false;
  std::uint32_t length = 0;
  std::memcpy(&length, head.data(), head.size());
  if (length > kMaxControlMessage)
    throw Error("control socket: message of " + std::to_string(length) + " bytes refused");
  json.resize(length);
  if (length > 0 && !receive_all(socket, json.data(), length, fds))
    throw Error("control socket: message cut off");
  return true;
}

ControlClient::ControlClient(const InstancePaths& paths) {
  const std::string path = (paths.runtime / "control.sock").string();
  try {
    socket_ = connect_unix(path);
  } catch (const Untrusted& e) {
    throw Untrusted("instance '" + paths.instance + "' is not asked: " + e.what());
  } catch (const Error&) {
    if (::access(path.c_str(), W_OK) != 0 && errno == EACCES)
      throw errno_error("instance '" + paths.instance + "' belongs to another user: " + path, EACCES);
    throw Error("instance '" + paths.instance + "' is not running (start it with: prot up -d)", 3);
  }
}

std::string ControlClient::call(std::string_view request) {
  std::vector<UniqueFd> fds;
  return call(request, fds);
}

std::string ControlClient::call(std::string_view request, std::vector<UniqueFd>& fds) {
  send_message(socket_.get(), request);
  std::string reply;
  if (!receive_message(socket_.get(), reply, fds)) throw Error("the supervisor closed the connection");
  return reply;
}

bool ControlClient::next(std::string& json) {
  std::vector<UniqueFd> fds;
  return receive_message(socket_.get(), json, fds);
}

UniqueFd listen_unix(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  UniqueFd fd = new_socket(SOCK_NONBLOCK);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  // The file is made with it: at no time may others connect, whatever the umask is.
  if (::fchmod(fd.get(), 0600) != 0) throw errno_error("cannot listen on " + path);
  if (::bind(fd.get(), generic, sizeof(address)) != 0) {
    if (errno != EADDRINUSE) throw errno_error("cannot listen on " + path);
    const UniqueFd probe = new_socket(0);
    if (::connect(probe.get(), generic, sizeof(address)) == 0)
      throw Error(path + " is in use by another process");
    ::unlink(path.c_str());
    if (::bind(fd.get(), generic, sizeof(address)) != 0) throw errno_error("cannot listen on " + path);
  }
  if (::listen(fd.get(), 16) != 0) throw errno_error("cannot listen on " + path);
  return fd;
}

UniqueFd connect_unix(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  // Whoever listens in a folder that others made may be anybody.
  require_own_way(std::filesystem::path(path).parent_path());
  UniqueFd fd = new_socket(0);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw errno_error("cannot connect to " + path);
  if (!is_own_peer(fd.get())) throw Untrusted("another user listens on " + path);
  return fd;
}

bool is_own_peer(int socket) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace prot::stage
