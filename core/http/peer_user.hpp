#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string_view>

namespace prot::http {

/// Whose program has the other end of a connection within this machine.
struct PeerUser {
  enum class What {
    kKnown,
    kGone,    // it has closed its end, lets nobody see it, is on another machine, or this one is short of
              // what it takes to ask
    kUnknown  // nobody can tell here: the kernel shows no connections
  };
  What what = What::kUnknown;
  std::uint32_t uid = 0;  // kKnown
};

/// By what the kernel says of its connections, else by its tables of them. Thread-safe.
[[nodiscard]] PeerUser user_of_peer(int socket);

namespace detail {
/// `own`, `peer`: ends as the tables write them, "0100007F:1F40"; `mapped`: the peer's as an IPv6 socket of
/// an IPv4 connection. `tables`: text of /proc/net/tcp and tcp6.
[[nodiscard]] PeerUser find_peer(std::string_view tables, std::string_view own, std::string_view peer,
                                 std::string_view mapped);
/// The fall-back: reads the tables.
[[nodiscard]] PeerUser user_in_tables(const sockaddr_storage& own, const sockaddr_storage& peer);
}  // namespace detail

}  // namespace prot::http
