#include "stage/control.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "base/error.hpp"
#include "base/ownership.hpp"
#include "base/scope_exit.hpp"
#include "ipc/doorbell.hpp"
#include "tests/support/stranger.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;

namespace {
struct Pair {
  UniqueFd a, b;
  Pair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    a.reset(fds[0]);
    b.reset(fds[1]);
  }
};
}  // namespace

TEST_CASE("a message arrives as it was sent, with its descriptors") {
  Pair pair;
  const ipc::Doorbell bell = ipc::Doorbell::create();
  stage::send_message(pair.a.get(), R"({"cmd":"join"})", {bell.fd()});
  std::string text;
  std::vector<UniqueFd> fds;
  REQUIRE(stage::receive_message(pair.b.get(), text, fds));
  CHECK(text == R"({"cmd":"join"})");
  REQUIRE(fds.size() == 1);
  bell.ring();
  std::uint64_t count = 0;
  CHECK(::read(fds[0].get(), &count, sizeof(count)) == sizeof(count));
}

TEST_CASE("the end of the connection is told apart from a message that was cut off") {
  std::string text;
  std::vector<UniqueFd> fds;
  {
    Pair pair;
    pair.a.reset();
    CHECK_FALSE(stage::receive_message(pair.b.get(), text, fds));
  }
  Pair pair;
  const std::uint32_t length = 100;
  REQUIRE(::write(pair.a.get(), &length, sizeof(length)) == sizeof(length));
  pair.a.reset();
  CHECK_THROWS_AS((void)stage::receive_message(pair.b.get(), text, fds), Error);
}

TEST_CASE("a message larger than the limit is refused before it is read") {
  Pair pair;
  const std::uint32_t length = 1U << 30U;
  REQUIRE(::write(pair.a.get(), &length, sizeof(length)) == sizeof(length));
  std::string text;
  std::vector<UniqueFd> fds;
  CHECK_THROWS_WITH_AS((void)stage::receive_message(pair.b.get(), text, fds),
                       "control socket: message of 1073741824 bytes refused", Error);
}

TEST_CASE("a listening socket is private, replaces a dead one and refuses a living one") {
  const test::TempFolder folder;
  const std::string path = (folder.path() / "control.sock").string();
  const mode_t usual = ::umask(0);  // of a user who lets everybody write
  const ScopeExit restore([&] { ::umask(usual); });
  { const UniqueFd dead = stage::listen_unix(path); }
  const UniqueFd living = stage::listen_unix(path);
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK_THROWS_AS((void)stage::listen_unix(path), Error);
  CHECK_THROWS_AS((void)stage::listen_unix("/tmp/" + std::string(120, 'x')), Error);
}

TEST_CASE("who listens is asked only when it is this user" * doctest::skip(::geteuid() != 0)) {
  const test::TempFolder folder;
  const std::string path = (folder.path() / "control.sock").string();
  InstancePaths paths;
  paths.instance = "x";
  paths.runtime = folder.path();
  {
    const UniqueFd own = stage::listen_unix(path);
    CHECK(stage::is_own_peer(stage::connect_unix(path).get()));
    CHECK_NOTHROW((void)stage::ControlClient(paths));
  }
  REQUIRE(::unlink(path.c_str()) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 01777) == 0);
  const test::Stranger stranger(path);
  const std::string why = "another user listens on " + path;
  CHECK_THROWS_WITH_AS((void)stage::connect_unix(path), why.c_str(), Untrusted);
  CHECK_THROWS_WITH_AS((void)stage::ControlClient(paths), ("instance 'x' is not asked: " + why).c_str(),
                       Untrusted);
  // In a folder of somebody else nobody is even asked.
  REQUIRE(::chown(folder.path().c_str(), test::kStranger, test::kStranger) == 0);
  const std::string whose = "folder " + folder.path().string() + " belongs to user 65534, not to you";
  CHECK_THROWS_WITH_AS((void)stage::connect_unix(path), whose.c_str(), Untrusted);
}

TEST_CASE("a socket in a folder that others may change is not asked") {
  const test::TempFolder folder;
  const std::string path = (folder.path() / "control.sock").string();
  const UniqueFd own = stage::listen_unix(path);
  CHECK_NOTHROW((void)stage::connect_unix(path));
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  CHECK_THROWS_AS((void)stage::connect_unix(path), Untrusted);
}
