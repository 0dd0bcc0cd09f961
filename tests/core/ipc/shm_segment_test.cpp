#include "ipc/shm_segment.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <functional>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ipc/crc32c.hpp"
#include "segment_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

/// Writes into the segment as no side may.
void damage(const std::string& name, off_t offset, const void* data, std::size_t size) {
  const UniqueFd fd(::shm_open(name.c_str(), O_RDWR, 0));
  REQUIRE(fd);
  REQUIRE(::pwrite(fd.get(), data, size, offset) == static_cast<ssize_t>(size));
}

std::string refusal(const std::string& name, Role role = Role::kConsumer) {
  try {
    (void)RingSegment::open(name, role);
  } catch (const Error& error) {
    return error.what();
  }
  return "opened";
}

/// The signal that ends a child which runs `act`; 0: none.
int signal_of(const std::function<void()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    act();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace

TEST_CASE("a new segment says what its specification said, is private and has real pages") {
  const TestSegment segment(Policy::kDropNewest);
  const RingHeader& header = *segment.supervisor->memory().header;
  CHECK(header.magic == kRingMagic);
  CHECK(header.capacity == 65536);
  CHECK(header.max_frame == 4096);
  CHECK(header.policy == Policy::kDropNewest);
  CHECK(std::string(header.name) == "mic");
  CHECK(std::string(header.producer) == "capture");
  CHECK(std::string(header.consumer) == "stt");
  CHECK(std::memcmp(header.run_id, "run1\0", 5) == 0);
  struct stat info {};
  REQUIRE(::stat(("/dev/shm" + segment.name).c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(info.st_size == static_cast<off_t>(kDataOffset + 65536));
  CHECK(info.st_blocks * 512 >= info.st_size);
}

TEST_CASE("a segment is created once") {
  const TestSegment segment;
  CHECK_THROWS_WITH_AS((void)RingSegment::create(segment.name, segment.spec, "run1"),
                       ("cannot create shared memory " + segment.name + ": File exists").c_str(), Error);
  CHECK_NOTHROW((void)segment.open(Role::kObserver));  // the failure took nothing away
}

TEST_CASE("impossible specifications are refused and leave nothing behind") {
  const std::string name = segment_name(test_instance(), "run1", "bad");
  RingSpec spec;
  spec.name = "bad";
  spec.capacity = 65536;
  spec.max_frame = 4096;
  SUBCASE("a capacity that is no power of two") { spec.capacity = 65537; }
  SUBCASE("too small") { spec.capacity = 4096; }
  SUBCASE("a frame larger than a quarter") { spec.max_frame = 16385; }
  SUBCASE("a name that does not fit") { spec.name = std::string(64, 'n'); }
  CHECK_THROWS_AS((void)RingSegment::create(name, spec, "run1"), Error);
  CHECK(refusal(name) == "cannot open shared memory " + name + ": No such file or directory");
}

TEST_CASE("memory that is not there is one clear line at creation, not a crash later") {
  // tmpfs has no quota of its own in a test; a file size limit fails the same call.
  const std::string name = segment_name(test_instance(), "run1", "large");
  const int signal = signal_of([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{16384, 16384};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    RingSpec spec;
    spec.name = "large";
    spec.capacity = 1U << 20U;
    spec.max_frame = 4096;
    try {
      (void)RingSegment::create(name, spec, "run1");
    } catch (const Error& error) {
      if (std::string(error.what()).find(name) != std::string::npos) std::raise(SIGUSR1);
    }
  });
  CHECK(signal == SIGUSR1);
  CHECK(refusal(name) != "opened");
}

TEST_CASE("a damaged or foreign segment is refused with its name and the reason") {
  const TestSegment segment;
  const std::string begin = "shared memory " + segment.name + ": ";
  SUBCASE("not ready") {
    const std::uint64_t zero = 0;
    damage(segment.name, 0, &zero, 8);
    CHECK(refusal(segment.name) == begin + "it is not ready yet");
  }
  SUBCASE("something else") {
    damage(segment.name, 0, "ELF", 3);
    CHECK(refusal(segment.name) == begin + "it is not a prot ring");
  }
  SUBCASE("another version, both named") {
    const std::uint16_t version[2] = {7, 3};
    damage(segment.name, 8, version, 4);
    CHECK(refusal(segment.name) == begin + "its layout has another version: 7.3, this program has 1.5");
  }
  SUBCASE("a changed header") {
    damage(segment.name, 0x48, "spy", 3);
    CHECK(refusal(segment.name) == begin + "its header is damaged");
  }
  SUBCASE("truncated") {
    REQUIRE(::truncate(("/dev/shm" + segment.name).c_str(), kDataOffset + 4096) == 0);
    CHECK(refusal(segment.name) == begin + "its size does not fit its header");
    REQUIRE(::truncate(("/dev/shm" + segment.name).c_str(), 100) == 0);
    CHECK(refusal(segment.name) == begin + "100 bytes are no ring");
  }
  SUBCASE("impossible positions") {
    const std::uint64_t head = 64;
    damage(segment.name, kConsumerOffset, &head, 8);
    CHECK(refusal(segment.name) == begin + "its positions are damaged");
  }
  SUBCASE("a producer without its resume slot") {
    const std::uint64_t tail = 64;
    damage(segment.name, kProducerOffset, &tail, 8);
    CHECK(refusal(segment.name, Role::kConsumer) == "opened");
    CHECK(refusal(segment.name, Role::kProducer) == begin + "no resume slot fits its tail");
  }
}

TEST_CASE("an older minor version is read, and a newer one with a larger header") {
  const TestSegment segment;
  std::uint16_t minor = 0;
  std::uint32_t size = sizeof(RingHeader);
  SUBCASE("older") {}
  SUBCASE("newer") {
    minor = kAbiMinor + 1;
    size += 64;
  }
  const UniqueFd fd(::shm_open(segment.name.c_str(), O_RDWR, 0));
  auto* header =
      static_cast<RingHeader*>(::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
  REQUIRE(header != MAP_FAILED);
  header->abi_minor = minor;
  header->header_size = size;
  header->crc = crc32c(std::as_bytes(std::span(header, 1)).first(offsetof(RingHeader, crc)));
  ::munmap(header, kPage);
  for (const Role role : {Role::kProducer, Role::kConsumer, Role::kObserver, Role::kSupervisor})
    CHECK(refusal(segment.name, role) == "opened");
}

TEST_CASE("somebody else's segment is refused" * doctest::skip(::geteuid() != 0)) {
  const TestSegment segment;
  REQUIRE(::chown(("/dev/shm" + segment.name).c_str(), 12345, 12345) == 0);
  CHECK(refusal(segment.name) == "shared memory " + segment.name + " belongs to user 12345, not to you");
  REQUIRE(::chown(("/dev/shm" + segment.name).c_str(), 0, 0) == 0);
}

TEST_CASE("a wild write into the peer's pages faults instead of corrupting" * doctest::skip(kSanitized)) {
  const TestSegment segment;
  const RingMemory producer = segment.open(Role::kProducer).memory();
  (void)producer;  // unmapped again: each child maps for itself
  const auto write_as = [&](Role role, const std::function<void(const RingMemory&)>& act) {
    return signal_of([&] {
      const RingSegment mine = RingSegment::open(segment.name, role);
      act(mine.memory());
    });
  };
  const auto head = [](const RingMemory& m) { m.consumer->head = 1; };
  const auto tail = [](const RingMemory& m) { m.producer->tail = 1; };
  const auto data = [](const RingMemory& m) { m.data[0] = std::byte{1}; };
  CHECK(write_as(Role::kProducer, head) == SIGSEGV);
  CHECK(write_as(Role::kConsumer, tail) == SIGSEGV);
  CHECK(write_as(Role::kConsumer, data) == SIGSEGV);
  CHECK(write_as(Role::kObserver, head) == SIGSEGV);
  CHECK(write_as(Role::kObserver, tail) == SIGSEGV);
  CHECK(write_as(Role::kSupervisor, data) == SIGSEGV);
  CHECK(write_as(Role::kProducer, data) == 0);
}

TEST_CASE("only the supervisor gets the supervisor's page to write") {
  const TestSegment segment;
  CHECK(segment.supervisor->supervisor_page() != nullptr);
  CHECK(segment.open(Role::kProducer).supervisor_page() == nullptr);
  CHECK(segment.open(Role::kObserver).supervisor_page() == nullptr);
}

TEST_CASE("segments and instances are found by name") {
  const TestSegment segment;
  const std::string board = segment_name(test_instance(), "run1", "board");
  CHECK(board == "/prot." + test_instance() + ".run1.board");
  const auto names = list_segments(test_instance());
  CHECK(std::count(names.begin(), names.end(), segment.name) == 1);
  CHECK(list_segments("ipctest").empty());  // not the beginning of a name, the name
  const auto before = list_instances();
  CHECK(std::count(before.begin(), before.end(), test_instance()) == 0);  // it has no board
}
