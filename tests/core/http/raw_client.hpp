#pragma once

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "http/listener.hpp"

namespace prot::http {

/// False: it is switched off here.
inline bool has_ip6() {
  try {
    static_cast<void>(listen_tcp("::1", 0));
    return true;
  } catch (const Error& error) {
    MESSAGE("nothing is tried over IPv6: ", error.what());
    return false;
  }
}

/// A client that writes what it likes.
class RawClient {
 public:
  explicit RawClient(int port, int family = AF_INET)
      : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(static_cast<std::uint16_t>(port));
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = four.sin_port;
    six.sin6_addr = in6addr_loopback;
    const bool is_six = family == AF_INET6;
    const auto* place =
        is_six ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
    REQUIRE(::connect(socket_.get(), place, is_six ? sizeof six : sizeof four) == 0);
  }

  /// False: the server is gone.
  bool write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Everything until `end` stands in it, or the server closes; `closed()` tells.
  std::string read_until(std::string_view end, int milliseconds = 10'000) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    while (end.empty() || input_.find(end) == std::string::npos) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd watched{socket_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&watched, 1, static_cast<int>(left.count())) <= 0) break;
      char bytes[4096];
      const ssize_t n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (n <= 0) {
        closed_ = true;
        break;
      }
      input_.append(bytes, static_cast<std::size_t>(n));
    }
    return std::exchange(input_, {});
  }
  std::string read_all(int milliseconds = 10'000) { return read_until({}, milliseconds); }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  UniqueFd socket_;
  std::string input_;
  bool closed_ = false;
};

}  // namespace prot::http
