#include "http/peer_user.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace prot::http {
namespace {

constexpr std::string_view kEstablished = "01";
constexpr std::string_view kMapped = "0000000000000000FFFF0000";  // ::ffff:0:0/96

/// An end as the kernel's tables write it: the words of the address as they lie in memory.
std::string written(const sockaddr_storage& end) {
  std::string text;
  const auto add = [&text](const void* address, std::size_t words) {
    for (std::size_t i = 0; i < words; ++i) {
      std::uint32_t word = 0;
      std::memcpy(&word, static_cast<const char*>(address) + i * sizeof word, sizeof word);
      text += fmt::format("{:08X}", word);
    }
  };
  in_port_t port = 0;
  if (end.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(end);
    add(&four.sin_addr, 1);
    port = four.sin_port;
  } else if (end.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(end);
    add(&six.sin6_addr, 4);
    port = six.sin6_port;
  }
  return text + fmt::format(":{:04X}", ntohs(port));
}

std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

PeerUser detail::find_peer(std::string_view tables, std::string_view own, std::string_view peer,
                           std::string_view mapped) {
  PeerUser found;
  while (!tables.empty()) {
    std::string_view line = tables.substr(0, tables.find('\n'));
    tables.remove_prefix(std::min(line.size() + 1, tables.size()));
    static_cast<void>(next_word(line));  // its number
    const std::string_view local = next_word(line);
    const std::string_view remote = next_word(line);
    const std::string_view state = next_word(line);
    if (local == own && remote == peer && found.what == PeerUser::What::kUnknown)
      found.what = PeerUser::What::kGone;  // this end is shown, so the other one would be
    const bool other = local == peer && remote == own;
    const bool other_mapped = local == mapped && remote.ends_with(own) && remote.starts_with(kMapped);
    if (!other && !other_mapped) continue;
    for (int skipped = 0; skipped < 3; ++skipped)
      static_cast<void>(next_word(line));  // queues, timer, retries
    const std::string_view user = next_word(line);
    const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), found.uid);
    if (error != std::errc() || end != user.data() + user.size()) continue;
    // What was closed, and is nobody's any more, is root's in these tables.
    if (state == kEstablished || found.uid != 0) found.what = PeerUser::What::kKnown;
  }
  return found;
}

PeerUser user_of_peer(int socket) {
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t own_size = sizeof own;
  socklen_t peer_size = sizeof peer;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
      ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
    return {PeerUser::What::kGone, 0};
  std::string tables;
  for (const char* name : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(name);
    tables.append(std::istreambuf_iterator<char>(file), {});
  }
  const std::string written_peer = written(peer);
  return detail::find_peer(tables, written(own), written_peer, std::string(kMapped) + written_peer);
}

}  // namespace prot::http
