#pragma once

#include <sys/socket.h>

#include <string>
#include <utility>

#include "http/peer_user.hpp"

namespace prot::http {

/// Who has the other end of a server's connection. Its user is looked up when somebody first asks, and again
/// while it is gone: a shortage ends, what the kernel does not tell it never does. One thread. REQUIRES:
/// `socket` stays open.
class ServerPeer {
 public:
  using Look = PeerUser (*)(int socket);

  /// `address`: as text; `by_name`: over the network, else by a Unix socket, whose mode says who may.
  ServerPeer(int socket, std::string address, bool by_name, Look look = &user_of_peer)
      : socket_(socket), by_name_(by_name), look_(look), name_(std::move(address)) {}

  [[nodiscard]] bool by_name() const noexcept { return by_name_; }
  [[nodiscard]] const PeerUser& user();
  /// Under what its share is counted: a user of this machine, who has many addresses, or its address.
  [[nodiscard]] const std::string& name();

 private:
  const int socket_;
  const bool by_name_;
  const Look look_;
  bool looked_ = false;
  PeerUser user_;
  std::string name_;
};

/// An address as text, without a port. Of IPv6 the network (but of loopback): who has one address there has
/// 2^64. "unix": it is of no network.
[[nodiscard]] std::string address_text(const sockaddr& address);

}  // namespace prot::http
