#include "stage/event_loop.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ipc/doorbell.hpp"

using namespace prot;

namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::set<int> epolls() {
  std::set<int> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    if (std::filesystem::read_symlink(entry.path(), error) == "anon_inode:[eventpoll]")
      found.insert(std::stoi(entry.path().filename()));
  return found;
}

}  // namespace

TEST_CASE("a ready descriptor is reported until it is read, and each round ends") {
  stage::EventLoop loop;
  const ipc::Doorbell bell = ipc::Doorbell::create();
  int calls = 0;
  loop.watch_readable(bell.fd(), [&] { ++calls; });
  bell.ring();
  CHECK(loop.wait(monotonic_now() + 5 * kSecond));
  CHECK(calls > 0);
  const int before = calls;
  CHECK(loop.poll());  // still ready
  CHECK(calls > before);
  bell.clear();
  while (loop.poll()) {
  }
  CHECK_FALSE(loop.wait(monotonic_now()));
}

TEST_CASE("a deadline ends the wait") {
  stage::EventLoop loop;
  const Nanos begin = monotonic_now();
  CHECK_FALSE(loop.wait(begin + 20 * kMillisecond));
  CHECK(monotonic_now() - begin >= 20 * kMillisecond);
}

TEST_CASE("a callback may end its own watch, and one descriptor may be watched twice") {
  stage::EventLoop loop;
  const ipc::Doorbell bell = ipc::Doorbell::create();
  int reads = 0;
  int writes = 0;
  stage::EventLoop::WatchId reader = 0;
  stage::EventLoop::WatchId writer = 0;
  reader = loop.watch_readable(bell.fd(), [&] {
    ++reads;
    loop.unwatch(reader);
  });
  writer = loop.watch_writable(bell.fd(), [&] {
    ++writes;
    loop.unwatch(writer);
  });
  bell.ring();
  while (loop.wait(monotonic_now() + 20 * kMillisecond)) {
  }
  CHECK(reads == 1);
  CHECK(writes == 1);
}

TEST_CASE("a watch that the system refuses is an error of ours, and leaks no descriptor") {
  const std::set<int> others = epolls();
  stage::EventLoop loop;
  const ipc::Doorbell bell = ipc::Doorbell::create();
  loop.unwatch(loop.watch_readable(bell.fd(), [] {}));  // the first one makes the epoll
  int epoll = -1;
  for (const int fd : epolls())
    if (!others.contains(fd)) epoll = fd;
  REQUIRE(epoll >= 0);
  const UniqueFd kept(::dup(epoll));
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::size_t before = open_descriptors();
  REQUIRE(::dup2(null.get(), epoll) == epoll);  // what asks it for a watch is refused
  CHECK_THROWS_AS(loop.watch_readable(bell.fd(), [] {}), Error);
  REQUIRE(::dup2(kept.get(), epoll) == epoll);
  CHECK(open_descriptors() == before);
  loop.watch_readable(bell.fd(), [] {});
  bell.ring();
  CHECK(loop.wait(monotonic_now() + 5 * kSecond));
}
