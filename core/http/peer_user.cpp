#include "http/peer_user.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"

namespace prot::http {
namespace {

constexpr std::string_view kEstablished = "01";
constexpr std::string_view kListening = "0A";
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

/// Only a program of this machine can have such an end.
bool is_of_this_machine(const sockaddr_storage& own, const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET) {
    const in_addr_t there = reinterpret_cast<const sockaddr_in&>(peer).sin_addr.s_addr;
    return (ntohl(there) >> 24U) == 127 || there == reinterpret_cast<const sockaddr_in&>(own).sin_addr.s_addr;
  }
  if (peer.ss_family != AF_INET6) return false;
  const in6_addr& there = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&there) != 0 ||
         IN6_ARE_ADDR_EQUAL(&there, &reinterpret_cast<const sockaddr_in6&>(own).sin6_addr) != 0;
}

template <typename Address, typename Port>
void put_end(const sockaddr_storage& end, Address& address, Port& port) {
  if (end.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(end);
    std::memcpy(address, &four.sin_addr, sizeof four.sin_addr);
    port = four.sin_port;
  } else {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(end);
    std::memcpy(address, &six.sin6_addr, sizeof six.sin6_addr);
    port = six.sin6_port;
  }
}

/// What is not there may be a moment later: no reason to let anybody in.
bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

/// False: for a shortage.
bool add_text(const char* file_name, std::string& text) {
  const UniqueFd file(::open(file_name, O_RDONLY | O_CLOEXEC));
  if (!file) return !is_shortage(errno);
  std::array<char, 16'384> piece;
  ssize_t size = 0;
  while ((size = ::read(file.get(), piece.data(), piece.size())) > 0)
    text.append(piece.data(), static_cast<std::size_t>(size));
  return size == 0 || !is_shortage(errno);
}

/// The socket that has `own` and whose other end is `peer`, in one question whatever the number of
/// connections is. Empty: there is none, or the kernel does not say; `is_short`: for a shortage.
std::optional<inet_diag_msg> find_socket(const sockaddr_storage& own, const sockaddr_storage& peer,
                                         bool& is_short) {
  struct {
    nlmsghdr head;
    inet_diag_req_v2 asked;
  } question{};
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.head.nlmsg_flags = NLM_F_REQUEST;
  question.asked.sdiag_family = static_cast<__u8>(own.ss_family);
  question.asked.sdiag_protocol = IPPROTO_TCP;
  question.asked.idiag_states = ~0U;
  inet_diag_sockid& id = question.asked.id;
  put_end(own, id.idiag_src, id.idiag_sport);
  put_end(peer, id.idiag_dst, id.idiag_dport);
  std::fill(std::begin(id.idiag_cookie), std::end(id.idiag_cookie), INET_DIAG_NOCOOKIE);
  const UniqueFd kernel(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!kernel || ::send(kernel.get(), &question, sizeof question, 0) != sizeof question) {
    is_short = is_short || is_shortage(errno);
    return std::nullopt;
  }
  std::array<char, 1024> answer;
  const ssize_t size = ::recv(kernel.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  nlmsghdr head{};
  inet_diag_msg found{};
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof found))) return std::nullopt;
  std::memcpy(&head, answer.data(), sizeof head);
  std::memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof found);
  // Of a connection that is none it tells who listens at `own`.
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || found.idiag_state == TCP_LISTEN) return std::nullopt;
  return found;
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
  const std::string_view own_port = own.substr(std::min(own.rfind(':'), own.size()));
  while (!tables.empty()) {
    std::string_view line = tables.substr(0, tables.find('\n'));
    tables.remove_prefix(std::min(line.size() + 1, tables.size()));
    static_cast<void>(next_word(line));  // its number
    const std::string_view local = next_word(line);
    const std::string_view remote = next_word(line);
    const std::string_view state = next_word(line);
    // This end is shown, or what took it in, so the other one would be. A connection that was reset this
    // moment has neither end there.
    const bool shown = (local == own && remote == peer) || (state == kListening && local.ends_with(own_port));
    if (shown && found.what == PeerUser::What::kUnknown) found.what = PeerUser::What::kGone;
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

PeerUser detail::user_in_tables(const sockaddr_storage& own, const sockaddr_storage& peer) {
  std::string tables;
  bool is_short = false;
  for (const char* name : {"/proc/net/tcp", "/proc/net/tcp6"})
    if (!add_text(name, tables)) is_short = true;
  const std::string written_peer = written(peer);
  const PeerUser found = find_peer(tables, written(own), written_peer, std::string(kMapped) + written_peer);
  if (is_short && found.what == PeerUser::What::kUnknown) return {PeerUser::What::kGone, 0};
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
  if (!is_of_this_machine(own, peer)) return {PeerUser::What::kGone, 0};
  bool is_short = false;
  // Without an inode it is closed, and nobody's any more.
  if (const auto other = find_socket(peer, own, is_short))
    return {other->idiag_inode != 0 ? PeerUser::What::kKnown : PeerUser::What::kGone, other->idiag_uid};
  if (find_socket(own, peer, is_short)) return {PeerUser::What::kGone, 0};  // the other would be shown, too
  const PeerUser found = detail::user_in_tables(own, peer);
  if (is_short && found.what == PeerUser::What::kUnknown) return {PeerUser::What::kGone, 0};
  return found;
}

}  // namespace prot::http
