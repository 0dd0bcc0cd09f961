#include "ipc/board.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ipc/shm_segment.hpp"
#include "segment_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

struct TestBoard {
  TestBoard() : name(segment_name(test_instance(), "run1", "board")) {
    unlink_segment(name);
    supervisor.emplace(Board::create(test_instance(), "run1", {"capture", "stt", "brain", "player"}));
  }
  TestBoard(const TestBoard&) = delete;
  TestBoard& operator=(const TestBoard&) = delete;
  ~TestBoard() { unlink_segment(name); }

  std::string name;
  std::optional<Board> supervisor;
};

std::string refusal(const std::string& name, std::string_view writer = {}) {
  try {
    (void)Board::open(name, writer);
  } catch (const Error& error) {
    return error.what();
  }
  return "opened";
}

}  // namespace

TEST_CASE("everybody reads what each writer put on the board") {
  const TestBoard test;
  const Board brain = Board::open(test.name, "brain");
  const Board player = Board::open(test.name, "player");
  const Board observer = Board::open(test.name);
  test.supervisor->supervisor().programs[2].restarts = 3;
  brain.conversation().voice_turn = 7;
  player.playback().samples_heard = 4800;
  brain.stage(2).loops = 11;
  CHECK(observer.supervisor().programs[2].restarts == 3);
  CHECK(observer.conversation().voice_turn == 7);
  CHECK(observer.playback().samples_heard == 4800);
  CHECK(observer.stage(2).loops == 11);
  CHECK(std::string(observer.header().instance) == test_instance());
  CHECK(std::string(observer.header().run_id) == "run1");
}

TEST_CASE("programs are found by name") {
  const TestBoard test;
  CHECK(test.supervisor->find("capture") == 0);
  CHECK(test.supervisor->find("player") == 3);
  CHECK(test.supervisor->find("cap") == -1);
  CHECK(test.supervisor->find("") == -1);
}

TEST_CASE("voice frames of cancelled turns are stale, text frames never") {
  const TestBoard test;
  const Board brain = Board::open(test.name, "brain");
  CHECK_FALSE(brain.is_cancelled(1));
  brain.conversation().cancelled_turn = 5;
  CHECK(brain.is_cancelled(4));
  CHECK(brain.is_cancelled(5));
  CHECK_FALSE(brain.is_cancelled(6));
  CHECK_FALSE(brain.is_cancelled(0));
}

TEST_CASE("a counter is made at first use and found again, also by a successor and by readers") {
  const TestBoard test;
  {
    const Board stt = Board::open(test.name, "stt");
    stt.counter(1, "utterances") = 4;
    stt.counter(1, "errors") = 1;
    CHECK(&stt.counter(1, "utterances") == &stt.counter(1, "utterances"));
  }
  const Board successor = Board::open(test.name, "stt");
  CHECK(successor.counter(1, "utterances") == 4);
  CHECK(successor.stage(1).counter_count == 2);
  const Board observer = Board::open(test.name);
  CHECK(observer.counter(1, "errors") == 1);
}

TEST_CASE("only a page's own writer makes counters on it") {
  const TestBoard test;
  const Board observer = Board::open(test.name);
  const Board brain = Board::open(test.name, "brain");
  CHECK(observer.counter(1, "nothing") == 0);
  CHECK(brain.counter(1, "nothing") == 0);
  CHECK(brain.counter(1000, "nothing") == 0);
  CHECK(observer.stage(1).counter_count == 0);
}

TEST_CASE("a page full of counters has one more for all others") {
  const TestBoard test;
  const Board stt = Board::open(test.name, "stt");
  for (int i = 0; i < 100; ++i) {
    Word& counter = stt.counter(1, "counter " + std::to_string(i));
    counter.store(counter.load() + 1);
  }
  CHECK(stt.stage(1).counter_count == kMaxCounters);
  CHECK(std::string(stt.stage(1).counters[kMaxCounters - 1].label) == "other");
  CHECK(stt.counter(1, "counter 5") == 1);
  CHECK(stt.counter(1, "other") == 100 - (kMaxCounters - 1));
}

TEST_CASE("a label that is too long is cut, and stays the same counter") {
  const TestBoard test;
  const Board stt = Board::open(test.name, "stt");
  const std::string label(40, 'x');
  stt.counter(1, label) = 2;
  CHECK(stt.counter(1, label) == 2);
  CHECK(stt.stage(1).counter_count == 1);
  CHECK(std::string(stt.stage(1).counters[0].label) == std::string(23, 'x'));
}

TEST_CASE("a board is refused with its name and the reason") {
  const TestBoard test;
  const std::string begin = "shared memory " + test.name + ": ";
  CHECK(refusal(test.name, "spy") == begin + "it has no program 'spy'");
  CHECK(refusal(test.name + "x") ==
        "cannot open shared memory " + test.name + "x: No such file or directory");
  const UniqueFd fd(::shm_open(test.name.c_str(), O_RDWR, 0));
  const auto damage = [&](off_t offset, const void* data, std::size_t size) {
    REQUIRE(::pwrite(fd.get(), data, size, offset) == static_cast<ssize_t>(size));
  };
  SUBCASE("not ready") {
    const std::uint64_t zero = 0;
    damage(0, &zero, 8);
    CHECK(refusal(test.name) == begin + "it is not ready yet");
  }
  SUBCASE("no board") {
    damage(0, "ELF", 3);
    CHECK(refusal(test.name) == begin + "it is not a prot board");
  }
  SUBCASE("another version, both named") {
    const std::uint16_t version[2] = {2, 9};
    damage(8, version, 4);
    CHECK(refusal(test.name) == begin + "its layout has another version: 2.9, this program has 1.5");
  }
  SUBCASE("a changed header") {
    damage(16, "z", 1);
    CHECK(refusal(test.name) == begin + "its header is damaged");
  }
  SUBCASE("truncated") {
    REQUIRE(::ftruncate(fd.get(), 4096) == 0);
    CHECK(refusal(test.name) == begin + "4096 bytes are no board");
  }
}

TEST_CASE("impossible boards are not created") {
  CHECK_THROWS_AS((void)Board::create(test_instance(), "run2", std::vector<std::string>(13, "p")), Error);
  CHECK_THROWS_AS((void)Board::create(test_instance(), "a run id that is too long", {}), Error);
  CHECK(list_segments(test_instance()).empty());
}

TEST_CASE("an instance with a board is found") {
  const TestBoard test;
  const auto instances = list_instances();
  CHECK(std::count(instances.begin(), instances.end(), test_instance()) == 1);
}

TEST_CASE("every state has a name") {
  for (std::uint32_t i = 0; i <= static_cast<std::uint32_t>(ProgramState::kEnding); ++i)
    CHECK(std::string(to_string(static_cast<ProgramState>(i))) != "unknown");
  for (std::uint32_t i = 0; i <= static_cast<std::uint32_t>(ConversationState::kInterrupted); ++i)
    CHECK(std::string(to_string(static_cast<ConversationState>(i))) != "unknown");
}
