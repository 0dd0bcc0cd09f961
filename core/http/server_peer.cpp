#include "http/server_peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace prot::http {

const PeerUser& ServerPeer::user() {
  if (!by_name_ || (looked_ && user_.what != PeerUser::What::kGone)) return user_;
  looked_ = true;
  user_ = look_(socket_);
  if (user_.what == PeerUser::What::kKnown) name_ = "user " + std::to_string(user_.uid);
  return user_;
}

const std::string& ServerPeer::name() {
  if (!looked_) static_cast<void>(user());
  return name_;
}

std::string address_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* number = nullptr;
  in6_addr six{};
  if (address.sa_family == AF_INET) number = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.sa_family == AF_INET6) {
    six = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_LOOPBACK(&six) == 0) std::fill(six.s6_addr + 8, six.s6_addr + 16, std::uint8_t{0});
    number = &six;
  }
  if (number == nullptr) return "unix";
  return ::inet_ntop(address.sa_family, number, text.data(), text.size()) != nullptr ? text.data() : "?";
}

}  // namespace prot::http
