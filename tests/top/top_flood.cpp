// Two pinned processes that send 1 KiB frames through a ring of an instance as fast as they can, for the
// measurement of what prot-top costs them (top_cost.py).
//
// usage: top_flood INSTANCE. For each line on stdin, a number of milliseconds, floods for so long and prints
// the frames per second that came out.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <iostream>

#include "test_instance.hpp"

namespace {
using namespace prot;
using namespace prot::top::test;

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

[[noreturn]] void consume(const std::string& segment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
  const ipc::RingSegment mapped = ipc::RingSegment::open(segment, ipc::Role::kConsumer);
  ipc::RingConsumer consumer(mapped.memory());
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  char copy[1024];
  for (;;) {
    for (int i = 0; i < 32 && consumer.peek(info, payload) == ipc::TakeResult::kFrame; ++i)
      std::memcpy(copy, payload.data(), payload.size());
    asm volatile("" : : "r"(copy) : "memory");
    consumer.release(monotonic_now());
  }
}

double flood(TestRing& ring, Nanos duration) {
  const std::string payload(1024, 'x');
  const std::uint64_t before = ring.consumer_page().frames.load();
  const Nanos begin = monotonic_now();
  Nanos now = begin;
  while (now - begin < duration) {
    for (int i = 0; i < 32; ++i) static_cast<void>(ring.publish(payload, now));
    now = monotonic_now();
  }
  const std::uint64_t frames = ring.consumer_page().frames.load() - before;
  return static_cast<double>(frames) * 1e9 / static_cast<double>(now - begin);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  TestInstance instance(argv[1]);
  const pid_t child = ::fork();
  if (child == 0) consume(instance.segment("mic"));
  pin(0);
  for (const char* stage : {"capture", "stt"})
    instance.start(stage, static_cast<std::uint32_t>(::getpid()), monotonic_now());
  std::puts("ready");
  std::fflush(stdout);
  for (long milliseconds = 0; std::cin >> milliseconds;) {
    std::printf("%.0f\n", flood(instance.ring("mic"), milliseconds * kMillisecond));
    std::fflush(stdout);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return 0;
}
