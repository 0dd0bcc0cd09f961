#pragma once

#include <string>

#include "base/unique_fd.hpp"

namespace prot::http {

/// A listening, non-blocking TCP socket. `address`: a numeric one, or "localhost"; `port` 0: any.
/// Throws Error; UsageError when `address` is none.
[[nodiscard]] UniqueFd listen_tcp(const std::string& address, int port);
/// The port that a TCP socket listens on.
[[nodiscard]] int port_of(int socket);
/// Would a socket on this address be reached from this machine only?
[[nodiscard]] bool is_loopback_address(const std::string& address);

}  // namespace prot::http
