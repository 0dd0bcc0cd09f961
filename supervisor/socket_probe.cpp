#include "socket_probe.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace prot::supervisor {
namespace {
constexpr int kFirstAnswerMs = 1;  // a server that is up answers within the same call
}

void SocketProbe::reset() noexcept {
  socket_.reset();
  received_.clear();
}

bool SocketProbe::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof(address.sun_path))
    throw Error("socket path too long: " + path_ + "; set XDG_RUNTIME_DIR to a shorter folder", 2);
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) throw errno_error("cannot make a socket");
  received_.clear();
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(request_.size())) {
    reset();
    return false;
  }
  return true;
}

Probe SocketProbe::ask() {
  if (!socket_ && !connect()) return Probe::kNotYet;
  pollfd wait{socket_.get(), POLLIN, 0};
  (void)::poll(&wait, 1, kFirstAnswerMs);
  std::array<char, 1024> buffer;
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Probe::kNotYet;
  if (n > 0) received_.append(buffer.data(), static_cast<std::size_t>(n));
  Answer answer = Answer::kNotYet;
  if (n >= 0) answer = judge_(received_);
  if (n > 0 && answer == Answer::kIncomplete) return Probe::kNotYet;
  if (answer == Answer::kReady && !goodbye_.empty())
    (void)!::send(socket_.get(), goodbye_.data(), goodbye_.size(), MSG_NOSIGNAL);
  reset();
  return answer == Answer::kReady ? Probe::kReady : Probe::kNotYet;
}

}  // namespace prot::supervisor
