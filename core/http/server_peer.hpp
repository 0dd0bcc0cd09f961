#pragma once

#include <string>
#include <utility>

#include "http/peer_user.hpp"

namespace prot::http {

/// Who has the other end of a server's connection. Its user is looked up when somebody first asks, and again
/// until it is known. One thread. REQUIRES: `socket` stays open.
class ServerPeer {
 public:
  /// `address`: as text; `by_name`: over the network, else by a Unix socket, whose mode says who may.
  ServerPeer(int socket, std::string address, bool by_name)
      : socket_(socket), by_name_(by_name), name_(std::move(address)) {}

  [[nodiscard]] bool by_name() const noexcept { return by_name_; }
  [[nodiscard]] const PeerUser& user();
  /// Under what its share is counted: a user of this machine, who has many addresses, or its address.
  [[nodiscard]] const std::string& name();

 private:
  const int socket_;
  const bool by_name_;
  bool looked_ = false;
  PeerUser user_;
  std::string name_;
};

}  // namespace prot::http
