// What it costs a ring that its released frames are wiped (RingUse::kWords): frames from core to core as fast
// as they go, and one after the other on one core, beside the same ring left as it is. Medians of interleaved
// rounds.
//
// usage: words_cost [ROUNDS]
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "ipc/pause.hpp"
#include "ipc/spsc_ring.hpp"
#include "pin.hpp"

using namespace prot;
using namespace prot::ipc;
using prot::bench::pin;

namespace {

constexpr std::size_t kCapacity = 1U << 20U;

struct Memory {
  explicit Memory(RingUse use) {
    header.capacity = kCapacity;
    header.max_frame = kCapacity / 4;
    header.use = use;
  }
  [[nodiscard]] RingMemory parts() { return {&header, &supervisor, &producer, &consumer, data}; }
  RingHeader header{};
  RingSupervisorPage supervisor{};
  RingProducerPage producer{};
  RingConsumerPage consumer{};
  alignas(kPage) std::byte data[kCapacity]{};
};

void take_all(RingConsumer& consumer, std::uint64_t frames) {
  FrameInfo info;
  std::span<const std::byte> payload;
  std::uint64_t sum = 0;
  for (std::uint64_t taken = 0; taken < frames;) {
    const TakeResult result = consumer.peek(info, payload);
    if (result == TakeResult::kFaulted) std::abort();
    if (result != TakeResult::kFrame) {
      pause(1);
      continue;
    }
    for (std::size_t i = 0; i < payload.size(); i += sizeof(std::uint64_t))
      sum += static_cast<std::uint64_t>(payload[i]);
    ++taken;
    if (consumer.batch_ends()) consumer.release(1);
  }
  consumer.release(1);
  if (sum == 1) std::puts("");  // so that it is read
}

/// Nanoseconds a frame of `length`, from core to core.
double across(RingUse use, std::size_t length, std::uint64_t frames) {
  const auto memory = std::make_unique<Memory>(use);
  RingConsumer consumer(memory->parts());
  std::thread taker([&] {
    pin(1);
    take_all(consumer, frames);
  });
  pin(0);
  RingProducer producer(memory->parts());
  const std::vector<std::byte> payload(length, std::byte{1});
  FrameInfo info;
  info.kind = 41;
  const Nanos begin = monotonic_now();
  for (std::uint64_t sent = 0; sent < frames;) {
    const PublishResult result = producer.publish(info, payload, {}, 1);
    if (result == PublishResult::kOk)
      ++sent;
    else if (result == PublishResult::kFull)
      pause(1);
    else
      std::abort();
  }
  taker.join();
  return static_cast<double>(monotonic_now() - begin) / static_cast<double>(frames);
}

/// Of this thread alone: others may have the core meanwhile.
Nanos processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

/// The same on one core: sent, taken, released, and the turn of the producer's loop that follows.
double alone(RingUse use, std::size_t length, std::uint64_t frames) {
  const auto memory = std::make_unique<Memory>(use);
  RingProducer producer(memory->parts());
  RingConsumer consumer(memory->parts());
  const std::vector<std::byte> payload(length, std::byte{1});
  FrameInfo info;
  info.kind = 41;
  std::span<const std::byte> taken;
  const Nanos begin = processor_time();
  for (std::uint64_t i = 0; i < frames; ++i) {
    if (producer.publish(info, payload, {}, 1) != PublishResult::kOk) std::abort();
    if (consumer.peek(info, taken) != TakeResult::kFrame) std::abort();
    consumer.release(1);
    producer.wipe_released();
  }
  return static_cast<double>(processor_time() - begin) / static_cast<double>(frames);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Way {
  const char* name;
  double (*measure)(RingUse use, std::size_t length, std::uint64_t frames);
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  std::printf("%-7s %8s %12s %12s %8s\n", "", "bytes", "plain ns", "words ns", "ratio");
  for (const std::size_t length : {std::size_t{64}, std::size_t{1024}, std::size_t{16384}})
    for (const Way& way : {Way{"across", across}, {"alone", alone}}) {
      std::array<std::vector<double>, 2> times;
      const std::uint64_t frames = (64U << 20U) / (length + 256);
      for (int round = 0; round < rounds; ++round)
        for (const RingUse use : {RingUse::kPlain, RingUse::kWords})
          times[use == RingUse::kWords ? 1 : 0].push_back(way.measure(use, length, frames));
      const double plain = median(times[0]);
      const double words = median(times[1]);
      std::printf("%-7s %8zu %12.1f %12.1f %8.2f\n", way.name, length, plain, words, words / plain);
    }
  return 0;
}
