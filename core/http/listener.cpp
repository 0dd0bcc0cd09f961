#include "http/listener.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

#include "base/error.hpp"

namespace prot::http {
namespace {

constexpr int kBacklog = 128;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses numeric(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string name = address == "localhost" ? "127.0.0.1" : address;
  if (::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &::freeaddrinfo};
}

}  // namespace

UniqueFd listen_tcp(const std::string& address, int port) {
  const Addresses place = numeric(address, port);
  if (!place) throw UsageError("'" + address + "' is no address to listen on (127.0.0.1, ::1, 0.0.0.0)");
  UniqueFd socket(::socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) throw errno_error("cannot make a socket");
  const int on = 1;
  const std::string where = fmt::format("cannot listen on {} port {}", address, port);
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) throw errno_error(where);
  if (place->ai_family == AF_INET6 &&
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
    throw errno_error(where);
  if (::bind(socket.get(), place->ai_addr, place->ai_addrlen) != 0 || ::listen(socket.get(), kBacklog) != 0)
    throw errno_error(where);
  return socket;
}

int port_of(int socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) throw errno_error("getsockname");
  if (name.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
  if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port);
  return 0;
}

bool is_loopback_address(const std::string& address) {
  const Addresses place = numeric(address, 0);
  if (!place) return false;
  if (place->ai_family == AF_INET) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(place->ai_addr);
    return (ntohl(four->sin_addr.s_addr) >> 24U) == 127;
  }
  const auto* six = reinterpret_cast<const sockaddr_in6*>(place->ai_addr);
  return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) != 0;
}

}  // namespace prot::http
