// Who has the other end of a connection: what the kernel says of real ones.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "http/server_peer.hpp"
#include "server_owner.hpp"

namespace prot::http {
namespace {

using What = PeerUser::What;

/// Both ends of a connection within this machine.
struct Ends {
  UniqueFd client;
  UniqueFd served;
};

Ends connected(const std::string& address) {
  const UniqueFd listener = listen_tcp(address, 0);
  sockaddr_storage place{};
  socklen_t size = sizeof place;
  REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&place), &size) == 0);
  Ends ends{UniqueFd(::socket(place.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)), {}};
  REQUIRE(::connect(ends.client.get(), reinterpret_cast<const sockaddr*>(&place), size) == 0);
  pollfd ready{listener.get(), POLLIN, 0};
  REQUIRE(::poll(&ready, 1, 10'000) == 1);
  ends.served.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(ends.served);
  return ends;
}

std::vector<std::string> loopbacks() {
  if (has_ip6()) return {"127.0.0.1", "::1"};
  return {"127.0.0.1"};
}

PeerUser user_without_descriptors(int socket) {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  const int taken = ::setrlimit(RLIMIT_NOFILE, &none);
  const PeerUser found = user_of_peer(socket);
  const int restored = ::setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(taken == 0);
  REQUIRE(restored == 0);
  return found;
}

std::string text_of(const char* address) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  if (::inet_pton(AF_INET6, address, &six.sin6_addr) == 1)
    return address_text(reinterpret_cast<const sockaddr&>(six));
  sockaddr_in four{};
  four.sin_family = AF_INET;
  REQUIRE(::inet_pton(AF_INET, address, &four.sin_addr) == 1);
  return address_text(reinterpret_cast<const sockaddr&>(four));
}

}  // namespace

TEST_CASE("the user of a client is found, and one that has closed is nobody's") {
  for (const std::string& address : loopbacks()) {
    CAPTURE(address);
    Ends ends = connected(address);
    const int served = ends.served.get();
    const PeerUser found = user_of_peer(served);
    CHECK(found.what == What::kKnown);
    CHECK(found.uid == ::geteuid());
    ServerPeer known(served, address, true);
    CHECK(known.name() == "user " + std::to_string(::geteuid()));
    ends.client.reset();
    pollfd ready{served, POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 10'000) == 1);  // its end has come
    CHECK(user_of_peer(served).what == What::kGone);
    CHECK(known.user().what == What::kKnown);  // a connection does not change hands
    ServerPeer gone(served, address, true);
    CHECK(gone.name() == address);
  }
  CHECK(user_of_peer(-1).what == What::kGone);
}

TEST_CASE("a kernel that answers no question has tables, which tell the same") {
  if (::access("/proc/net/tcp", R_OK) != 0) {
    MESSAGE("there are no tables here");
    return;
  }
  for (const std::string& address : loopbacks()) {
    CAPTURE(address);
    const Ends ends = connected(address);
    sockaddr_storage own{};
    sockaddr_storage peer{};
    socklen_t own_size = sizeof own;
    socklen_t peer_size = sizeof peer;
    REQUIRE(::getsockname(ends.served.get(), reinterpret_cast<sockaddr*>(&own), &own_size) == 0);
    REQUIRE(::getpeername(ends.served.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0);
    const PeerUser found = detail::user_in_tables(own, peer);
    CHECK(found.what == What::kKnown);
    CHECK(found.uid == ::geteuid());
  }
}

TEST_CASE("whoever uses up the descriptors is not let in by it: nobody is, for that moment") {
  for (const std::string& address : loopbacks()) {
    CAPTURE(address);
    const Ends ends = connected(address);
    CHECK(user_without_descriptors(ends.served.get()).what == What::kGone);
    CHECK(user_of_peer(ends.served.get()).what == What::kKnown);
  }
}

TEST_CASE("a user is looked up until it is known, or nobody can tell") {
  static int looks = 0;
  looks = 0;
  const auto gone_at_first = [](int) -> PeerUser { return {++looks < 3 ? What::kGone : What::kKnown, 7}; };
  ServerPeer late(-1, "127.0.0.1", true, gone_at_first);
  for (const What what : {What::kGone, What::kGone, What::kKnown, What::kKnown})
    CHECK(late.user().what == what);
  CHECK(late.name() == "user 7");
  CHECK(looks == 3);
  looks = 0;
  const auto untold = [](int) -> PeerUser {
    ++looks;
    return {What::kUnknown, 0};
  };
  ServerPeer unknown(-1, "127.0.0.1", true, untold);
  for (int i = 0; i < 3; ++i) CHECK(unknown.user().what == What::kUnknown);
  CHECK(unknown.name() == "127.0.0.1");
  CHECK(looks == 1);
  ServerPeer by_file(-1, "unix", false, untold);  // the file's mode says who may
  CHECK(by_file.name() == "unix");
  CHECK(looks == 1);
}

TEST_CASE("an address of IPv6 is counted by its network, but on loopback") {
  CHECK(text_of("2001:db8::1") == text_of("2001:db8::2"));
  CHECK(text_of("2001:db8::1") == "2001:db8::");
  CHECK(text_of("2001:db8:0:1::1") != text_of("2001:db8::1"));
  CHECK(text_of("::1") == "::1");
  CHECK(text_of("192.0.2.1") == "192.0.2.1");
  sockaddr local{};
  local.sa_family = AF_UNIX;
  CHECK(address_text(local) == "unix");
}

}  // namespace prot::http
