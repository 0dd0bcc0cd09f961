// A race detector over both sides of one ring in one process (across processes it sees nothing). Built three
// times: as the ring is, and with the order of the tail's or the head's store weakened, which the detector
// must report: else its silence about the ring would mean nothing.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include "ipc/spsc_ring.hpp"
#include "ring_fixture.hpp"

using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

constexpr std::uint64_t kFrames = 20'000;
std::atomic<int> reports{0};

void read_all(const RingMemory& memory, std::atomic<bool>& wrong) {
  RingConsumer consumer(memory);
  for (std::uint64_t expected = 0; expected < kFrames;) {
    FrameInfo info;
    std::span<const std::byte> payload;
    const TakeResult result = consumer.peek(info, payload);
    if (result == TakeResult::kEmpty) {
      std::this_thread::yield();
      continue;
    }
    std::uint64_t number = 0;
    if (result == TakeResult::kFrame) std::memcpy(&number, payload.data(), sizeof number);
    if (result == TakeResult::kFaulted || info.sequence != expected || number != expected) {
      wrong = true;
      return;
    }
    ++expected;
    if (expected % 5 == 0) consumer.release_through(expected - 1, 1);
    if (expected % 5 == 3) consumer.release(1);
  }
}

void write_all(const RingMemory& memory, const std::atomic<bool>& wrong) {
  RingProducer producer(memory);
  for (std::uint64_t number = 0; number < kFrames && !wrong;) {
    std::span<std::byte> room;
    if (producer.claim(sizeof number + number % 40, room) != PublishResult::kOk) {
      std::this_thread::yield();
      continue;
    }
    std::memset(room.data(), 0, room.size());
    std::memcpy(room.data(), &number, sizeof number);
    FrameInfo info;
    info.kind = 1;
    producer.commit(room.size(), info, {}, 1);
    ++number;
  }
}

}  // namespace

// Called by the detector for each race.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" void __tsan_on_report(void*) { ++reports; }
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" const char* __tsan_default_options() {
  return PROT_RACE_EXPECTED != 0 ? "exitcode=0:log_path=/dev/null" : "exitcode=0";
}

int main() {
  MemoryRing memory(2048);
  std::atomic<bool> wrong{false};
  std::thread reader([&] { read_all(memory.memory(), wrong); });
  write_all(memory.memory(), wrong);
  reader.join();
  std::printf("%d races reported, %s expected; frames %s\n", reports.load(),
              PROT_RACE_EXPECTED != 0 ? "some" : "none", wrong ? "WRONG" : "right");
  if (PROT_RACE_EXPECTED != 0)
    return reports > 0 ? 0 : 1;  // that weakly ordered frames arrive proves nothing
  return reports == 0 && !wrong ? 0 : 1;
}
