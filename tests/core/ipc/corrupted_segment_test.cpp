#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "ipc/crc32c.hpp"
#include "ipc/ring_validation.hpp"
#include "ring_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

constexpr std::size_t kCapacity = 65536;
constexpr std::size_t kSize = kDataOffset + kCapacity;
constexpr std::uint64_t kFrames = 40;
constexpr int kMutations = 10'000;
constexpr int kBatch = 500;

/// A segment between two pages that nobody may touch: reading one byte too far ends the reader.
class GuardedSegment {
 public:
  GuardedSegment() {
    void* all = ::mmap(nullptr, kSize + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(all != MAP_FAILED);
    base = static_cast<std::byte*>(all) + kPage;
    REQUIRE(::mprotect(base, kSize, PROT_READ | PROT_WRITE) == 0);
  }
  GuardedSegment(const GuardedSegment&) = delete;
  GuardedSegment& operator=(const GuardedSegment&) = delete;
  ~GuardedSegment() { ::munmap(base - kPage, kSize + 2 * kPage); }

  template <typename T>
  [[nodiscard]] T* at(std::size_t offset) {
    return reinterpret_cast<T*>(base + offset);
  }
  [[nodiscard]] RingMemory memory() {
    return {at<RingHeader>(kHeaderOffset), at<RingSupervisorPage>(kSupervisorOffset),
            at<RingProducerPage>(kProducerOffset), at<RingConsumerPage>(kConsumerOffset), base + kDataOffset};
  }
  void fill() {
    std::memset(base, 0, kSize);
    auto& header = *at<RingHeader>(0);
    header.abi_major = kAbiMajor;
    header.header_size = sizeof(RingHeader);
    header.capacity = kCapacity;
    header.max_frame = kCapacity / 4;
    header.align = 16;
    header.magic = kRingMagic;
    header.crc = crc32c(std::as_bytes(std::span(&header, 1)).first(offsetof(RingHeader, crc)));
    const std::uint64_t start = 5 * kCapacity - 9008;  // so that the frames cross the end
    at<RingProducerPage>(kProducerOffset)->tail = start;
    at<RingConsumerPage>(kConsumerOffset)->head = start;
    at<RingProducerPage>(kProducerOffset)->slot[0].end = start;
    at<RingProducerPage>(kProducerOffset)->slot[0].sequence = UINT64_MAX;  // the next one is 0
    RingProducer producer(memory());
    for (std::uint64_t i = 1; i <= kFrames; ++i) (void)test::send(producer, std::string(i * 37, 'p'));
  }

  std::byte* base;
};

/// What became of the mutations, in memory that outlives a reader.
struct Tally {
  std::atomic<int> seed, detected, harmless, wrong, forged;
};

using Random = std::mt19937_64;

/// Positions of the record headers that are in the ring.
std::vector<std::uint64_t> live_records(GuardedSegment& segment) {
  std::vector<std::uint64_t> found;
  RingConsumer consumer(segment.memory());
  FrameInfo info;
  std::span<const std::byte> payload;
  while (consumer.peek(info, payload) == TakeResult::kFrame)
    found.push_back(static_cast<std::uint64_t>(payload.data() - segment.base) - sizeof(RecordHeader));
  return found;
}

void flip(std::byte* where, Random& random) { *where ^= static_cast<std::byte>(1U << (random() % 8)); }

void scribble(std::byte* where, std::size_t size, Random& random) {
  for (std::size_t i = 0; i < size; ++i) where[i] = static_cast<std::byte>(random());
}

/// A header that lies with a right checksum. Its effect may look like a right frame.
void forge(std::byte* where, Random& random) {
  RecordHeader header;
  std::memcpy(&header, where, sizeof header);
  if (random() % 2 == 0)
    header.length = static_cast<std::uint32_t>(random() >> (random() % 64));
  else
    scribble(reinterpret_cast<std::byte*>(&header) + random() % 40, 8, random);
  const auto all = std::as_bytes(std::span(&header, 1));
  header.crc = crc32c(all.subspan(16), crc32c(all.first(12)));
  std::memcpy(where, &header, sizeof header);
}

std::uint64_t odd_index(std::uint64_t now, Random& random) {
  switch (random() % 4) {
    case 0:
      return random();
    case 1:
      return now + random() % 4096;
    case 2:
      return now - random() % 4096;
    default:
      return now + (random() % 64 - 32) * 16;
  }
}

/// Damages the segment in one of many ways. True: what is accepted nevertheless must still be right.
bool mutate(GuardedSegment& segment, const std::vector<std::uint64_t>& records, Random& random) {
  std::byte* record = segment.base + records[random() % records.size()];
  Word& tail = segment.at<RingProducerPage>(kProducerOffset)->tail;
  Word& head = segment.at<RingConsumerPage>(kConsumerOffset)->head;
  switch (random() % 10) {
    case 0:
    case 1:
    case 2:
      flip(record + random() % sizeof(RecordHeader), random);
      return true;
    case 3:
      scribble(record + random() % 11 * 4, 4, random);
      return true;
    case 4:
      forge(record, random);
      return false;
    case 5:
      tail = odd_index(tail, random);
      return true;
    case 6:
      head = odd_index(head, random);
      return true;
    case 7:
      flip(segment.base + random() % sizeof(RingHeader), random);
      return true;
    case 8:
      scribble(segment.base + kSupervisorOffset + random() % (3 * kPage - 64), 64, random);
      return true;
    default:
      scribble(record, random() % 8192 % (kSize - static_cast<std::size_t>(record - segment.base)), random);
  }
  return true;
}

enum class Outcome { kDetected, kHarmless, kWrong };

/// Everything that a consumer may do, in any order.
Outcome read_all(GuardedSegment& segment, Random& random) {
  if (validate_ring(segment.memory(), kSize) != RingFault::kOk) return Outcome::kDetected;
  RingConsumer consumer(segment.memory());
  if (random() % 4 == 0) consumer.skip_through(random() % kFrames, 1);
  volatile unsigned sum = 0;  // every byte of a payload is really read
  for (;;) {
    FrameInfo info;
    std::span<const std::byte> payload;
    const TakeResult result = consumer.peek(info, payload);
    if (result == TakeResult::kFaulted) return Outcome::kDetected;
    if (result == TakeResult::kEmpty) return Outcome::kHarmless;
    for (const std::byte b : payload) sum = sum + static_cast<unsigned>(b);
    if (info.sequence >= kFrames || payload.size() != (info.sequence + 1) * 37) return Outcome::kWrong;
    const auto dice = random() % 6;
    if (dice == 0) consumer.release_through(info.sequence - std::min(info.sequence, random() % 4), 1);
    if (dice == 1) consumer.release(1);
    if (dice == 2 && random() % 4 == 0) consumer.rewind();
  }
}

/// A producer on the same segment: its successor's attach, and enough frames to go round.
void write_some(GuardedSegment& segment) {
  if (validate_ring(segment.memory(), kSize) != RingFault::kOk) return;
  RingProducer producer(segment.memory());
  for (int i = 0; i < 100; ++i)
    if (test::send(producer, std::string(1000, 'n')) != PublishResult::kOk) break;
}

void read_batch(int first, Tally& tally) {
  ::alarm(60);  // a reader that hangs dies of it
  GuardedSegment segment;
  for (int seed = first; seed < first + kBatch; ++seed) {
    tally.seed = seed;
    Random random(static_cast<std::uint64_t>(seed));
    segment.fill();
    const auto records = live_records(segment);
    if (records.size() != kFrames) ::_exit(1);
    const bool must_be_right = mutate(segment, records, random);
    const Outcome outcome = read_all(segment, random);
    if (outcome == Outcome::kDetected) ++tally.detected;
    if (outcome == Outcome::kHarmless) ++tally.harmless;
    if (outcome == Outcome::kWrong) ++(must_be_right ? tally.wrong : tally.forged);
    write_some(segment);
  }
}

}  // namespace

TEST_CASE("ten thousand damaged segments crash no reader, hang none and pass no wrong frame") {
  void* memory = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  Tally& tally = *new (memory) Tally{};
  for (int first = 0; first < kMutations; first += kBatch) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGALRM}) std::signal(signal, SIG_DFL);
      read_batch(first, tally);
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    INFO("the last seed was ", tally.seed.load());
    REQUIRE(status == 0);
  }
  CHECK(tally.wrong == 0);
  CHECK(tally.detected > kMutations / 2);
  CHECK(tally.detected + tally.harmless + tally.wrong + tally.forged == kMutations);
  const double harmful = tally.detected + tally.wrong;
  CHECK(tally.detected >= 0.999 * harmful);
  MESSAGE("detected ", tally.detected.load(), ", harmless ", tally.harmless.load(), ", wrong ",
          tally.wrong.load(), ": ", 100 * tally.detected / harmful,
          " % of the harmful ones; forged with a right checksum and taken ", tally.forged.load());
  ::munmap(memory, kPage);
}
