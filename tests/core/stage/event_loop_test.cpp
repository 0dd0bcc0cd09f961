#include "stage/event_loop.hpp"

#include <doctest/doctest.h>

#include "ipc/doorbell.hpp"

using namespace prot;

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
