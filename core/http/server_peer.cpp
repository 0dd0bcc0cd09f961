#include "http/server_peer.hpp"

namespace prot::http {

const PeerUser& ServerPeer::user() {
  looked_ = true;
  if (!by_name_ || user_.what == PeerUser::What::kKnown) return user_;
  user_ = user_of_peer(socket_);
  if (user_.what == PeerUser::What::kKnown) name_ = "user " + std::to_string(user_.uid);
  return user_;
}

const std::string& ServerPeer::name() {
  if (!looked_) static_cast<void>(user());
  return name_;
}

}  // namespace prot::http
