// How long a consumer takes to step over 1 MiB of frames of a cancelled turn, beside a memcpy of as many
// bytes. The frames were written by another core, as in life. Figures are medians of interleaved rounds.
//
// usage: stale_skip [ROUNDS]

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "ipc/spsc_ring.hpp"
#include "pin.hpp"

using namespace prot;
using namespace prot::ipc;
using prot::bench::pin;

namespace {

constexpr std::size_t kBytes = 1U << 20U;
constexpr std::size_t kCapacity = 2 * kBytes;

struct Memory {
  RingHeader header{};
  RingSupervisorPage supervisor{};
  RingProducerPage producer{};
  RingConsumerPage consumer{};
  alignas(kPage) std::byte data[kCapacity]{};
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Microseconds for 1 MiB of stale frames of `length`.
double skip_once(Memory& memory, std::size_t length) {
  const RingMemory parts{&memory.header, &memory.supervisor, &memory.producer, &memory.consumer, memory.data};
  std::thread writer([&] {
    pin(1);
    RingProducer producer(parts);
    const std::vector<std::byte> payload(length, std::byte{1});
    FrameInfo info;
    info.kind = 41;
    info.turn = 1;
    while (producer.used() < kBytes)
      if (producer.publish(info, payload, {}, 1) != PublishResult::kOk) std::abort();
  });
  writer.join();
  RingConsumer consumer(parts);
  FrameInfo info;
  std::span<const std::byte> payload;
  const Nanos begin = monotonic_now();
  const TakeResult first = consumer.peek(info, payload);
  const std::uint64_t frames = consumer.release_stale(1, begin);
  const Nanos end = monotonic_now();
  if (first != TakeResult::kFrame || consumer.used() != 0 || frames < kBytes / (length + 64)) std::abort();
  return static_cast<double>(end - begin) / 1000;
}

double copy_once(std::vector<std::byte>& to, const std::vector<std::byte>& from) {
  const Nanos begin = monotonic_now();
  std::memcpy(to.data(), from.data(), from.size());
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return static_cast<double>(monotonic_now() - begin) / 1000;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 101;
  constexpr std::size_t kLengths[] = {64, 256, 1920, 4096, 16384};
  pin(0);
  const auto memory = std::make_unique<Memory>();
  memory->header.capacity = kCapacity;
  memory->header.max_frame = kCapacity / 4;
  memory->header.align = 16;
  std::vector<std::byte> from(kBytes, std::byte{2});
  std::vector<std::byte> to(kBytes);
  std::vector<double> copies;
  std::vector<double> skips[std::size(kLengths)];
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < std::size(kLengths); ++i) {
      skips[i].push_back(skip_once(*memory, kLengths[i]));
      copies.push_back(copy_once(to, from));
    }
  std::printf("1 MiB of stale frames, median of %d rounds; memcpy of 1 MiB: %.1f us\n", rounds,
              median(copies));
  for (std::size_t i = 0; i < std::size(kLengths); ++i)
    std::printf("  frames of %5zu bytes: %7.1f us, %.2f x memcpy\n", kLengths[i], median(skips[i]),
                median(skips[i]) / median(copies));
  return 0;
}
