// libFuzzer over an arbitrary segment: whatever lies in header, pages and data, no side crashes, hangs, reads
// a byte outside the data, or takes a frame out of order.
//
// The input is a segment without its holes, then what the two sides do: one byte of options, header,
// supervisor page, producer page, consumer page (each as large as its structure), data from 0 on (the rest is
// zero), and of the same bytes, read from the end, the operations. "ring_fuzz --seeds FOLDER" writes segments
// that real producers made.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "ipc/crc32c.hpp"
#include "ipc/ring_validation.hpp"
#include "ipc/spsc_ring.hpp"
#include "observe/ring_probe.hpp"
#include "top/frame_tail.hpp"

using namespace prot;
using namespace prot::ipc;

namespace {

constexpr std::size_t kCapacity = 65536;
constexpr std::size_t kSize = kDataOffset + kCapacity;

/// What the option byte asks for: else the fuzzer would have to find checksums.
enum Option : std::uint8_t { kSealHeader = 1, kSealRecords = 2, kProduceToo = 4 };

struct Part {
  std::size_t offset;
  std::size_t size;
};
constexpr Part kParts[] = {{kHeaderOffset, sizeof(RingHeader)},
                           {kSupervisorOffset, sizeof(RingSupervisorPage)},
                           {kProducerOffset, sizeof(RingProducerPage)},
                           {kConsumerOffset, sizeof(RingConsumerPage)},
                           {kDataOffset, kCapacity}};

struct Segment {
  Segment() : bytes(static_cast<std::byte*>(std::aligned_alloc(kPage, kSize))) {
    std::memset(bytes.get(), 0, kSize);
  }
  template <typename T>
  [[nodiscard]] T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(bytes.get() + offset);
  }
  [[nodiscard]] RingMemory memory() const {
    return {at<RingHeader>(kHeaderOffset), at<RingSupervisorPage>(kSupervisorOffset),
            at<RingProducerPage>(kProducerOffset), at<RingConsumerPage>(kConsumerOffset),
            bytes.get() + kDataOffset};
  }
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> bytes;
};

void seal_header(const Segment& segment) {
  auto& header = *segment.at<RingHeader>(kHeaderOffset);
  header.abi_major = kAbiMajor;
  header.header_size = sizeof(RingHeader);
  header.capacity = kCapacity;
  header.max_frame %= kCapacity / 4 + 1;
  header.align = 16;
  header.magic = kRingMagic;
  header.crc = crc32c(std::as_bytes(std::span(&header, 1)).first(offsetof(RingHeader, crc)));
}

/// Right checksums for whatever stands where records would follow each other.
void seal_records(const Segment& segment) {
  const RingMemory memory = segment.memory();
  std::uint64_t position = memory.consumer->head;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t offset = position % kCapacity & ~std::uint64_t{15};
    if (offset + sizeof(RecordHeader) > kCapacity) return;
    RecordHeader header;
    std::memcpy(&header, memory.data + offset, sizeof header);
    const auto all = std::as_bytes(std::span(&header, 1));
    const bool padding = header.kind == 0xFF && header.version == 0xFF;
    header.crc = padding ? crc32c(all.first(12)) : crc32c(all.subspan(16), crc32c(all.first(12)));
    std::memcpy(memory.data + offset, &header, padding ? 16 : sizeof header);
    position += (header.length + (padding ? 16U : 63U)) & ~std::uint64_t{15};
  }
}

void require(bool condition) {
  if (!condition) std::abort();
}

/// Operations from the end of the input.
class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  [[nodiscard]] bool over() const { return left_ == 0 || ++steps_ > 2000; }
  std::uint8_t next() { return left_ > 0 ? data_[--left_] : std::uint8_t{0}; }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
  mutable int steps_ = 0;
};

void consume(const RingMemory& memory, Script& script) {
  RingConsumer consumer(memory);
  std::uint64_t last = 0;
  bool any = false;
  volatile unsigned sum = 0;
  while (!script.over()) {
    const std::uint8_t what = script.next();
    if (what < 160) {
      FrameInfo info;
      std::span<const std::byte> payload;
      const TakeResult result = consumer.peek(info, payload);
      if (result == TakeResult::kFaulted) return;
      if (result == TakeResult::kEmpty) {
        if (what < 40) return;
        continue;
      }
      require(payload.data() >= memory.data && payload.data() + payload.size() <= memory.data + kCapacity);
      require(payload.size() <= memory.header->max_frame);
      require(!any || info.sequence == last + 1);
      any = true;
      last = info.sequence;
      for (const std::byte b : payload) sum = sum + static_cast<unsigned>(b);
    } else if (what < 190) {
      consumer.release(1);
    } else if (what < 210) {
      consumer.release_through(last - script.next() % 4, 1);
    } else if (what < 225) {
      consumer.rewind();
      any = false;
    } else if (what < 240) {
      consumer.skip_through(last + script.next() % 8, 1);
      any = false;
    } else {
      (void)consumer.release_stale(script.next(), 1);
      any = false;
    }
    require(memory.consumer->head <= memory.producer->tail || consumer.used() <= kCapacity);
  }
}

void produce(const RingMemory& memory, Script& script) {
  RingProducer producer(memory);
  const std::byte payload[512]{};
  for (int i = 0; i < 200 && !script.over(); ++i) {
    FrameInfo info;
    info.kind = script.next();
    const PublishResult result =
        producer.publish(info, std::span(payload).first(std::size_t{2} * script.next()), {}, 1);
    if (result != PublishResult::kOk && result != PublishResult::kTooLarge) return;
  }
}

/// prot-top, which looks on: whatever is there, it reads no byte beyond, and comes to an end.
void look(const RingMemory& memory) {
  const SteadyClock clock;
  observe::RingProbe probe(memory, clock);
  require(probe.read().used_bytes <= kCapacity);
  top::FrameTail tail(memory, true);
  observe::SeenRecord record;
  for (std::uint64_t steps = 0;; ++steps) {
    require(steps <= 2 * kCapacity / sizeof(RecordHeader));
    const auto step = tail.next(record);
    if (step == top::FrameTail::Step::kNothing || step == top::FrameTail::Step::kDamaged) return;
    if (step != top::FrameTail::Step::kFrame) continue;
    const auto payload = tail.payload(record);
    require(!payload || payload->size() <= memory.header->max_frame);
  }
}

/// Real segments as inputs: empty, full of frames over the wrap, with a half-made one.
void write_seeds(const std::string& folder) {
  for (int kind = 0; kind < 6; ++kind) {
    const Segment segment;
    segment.at<RingHeader>(kHeaderOffset)->max_frame = kCapacity / 4;
    seal_header(segment);
    const std::uint64_t start = kind % 2 == 0 ? 0 : 3 * kCapacity - 2000;
    segment.at<RingProducerPage>(kProducerOffset)->tail = start;
    segment.at<RingConsumerPage>(kConsumerOffset)->head = start;
    segment.at<RingProducerPage>(kProducerOffset)->slot[0].end = start;
    segment.at<RingProducerPage>(kProducerOffset)->slot[0].sequence = UINT64_MAX;
    RingProducer producer(segment.memory());
    const std::byte payload[900]{};
    for (std::size_t i = 0; i < (kind < 2 ? 0U : kind < 4 ? 4U : 30U); ++i) {
      FrameInfo info;
      info.kind = 20;
      info.turn = static_cast<std::uint32_t>(i / 2);
      (void)producer.publish(info, std::span(payload).first(i * 29), {}, 1);
    }
    std::string input(1, static_cast<char>(kind % 3 == 0 ? kProduceToo : kSealHeader | kSealRecords));
    for (const Part& part : kParts) {
      const std::size_t size = part.offset == kDataOffset && kind < 4 ? 4096 : part.size;
      input.append(segment.at<const char>(part.offset), size);
    }
    for (int i = 0; i < 64; ++i) input.push_back(static_cast<char>(i * 37));
    std::ofstream(folder + "/seed" + std::to_string(kind), std::ios::binary) << input;
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {  // NOLINT(readability-identifier-naming)
  if (*argc == 3 && std::string((*argv)[1]) == "--seeds") {
    write_seeds((*argv)[2]);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
  if (size == 0) return 0;
  const std::uint8_t options = data[0];
  const Segment segment;
  std::size_t at = 1;
  for (const Part& part : kParts) {
    const std::size_t length = std::min(part.size, size - at);
    std::memcpy(segment.bytes.get() + part.offset, data + at, length);
    at += length;
  }
  if ((options & kSealHeader) != 0) seal_header(segment);
  if (validate_ring(segment.memory(), kSize) != RingFault::kOk) return 0;
  if ((options & kSealRecords) != 0) seal_records(segment);
  look(segment.memory());
  Script script(data, size);
  consume(segment.memory(), script);
  if ((options & kProduceToo) != 0) {
    produce(segment.memory(), script);
    consume(segment.memory(), script);
  }
  return 0;
}
