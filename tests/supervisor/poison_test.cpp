// Frames that end their consumer: who is blamed, what is moved, what the successor sees.
#include "poison.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "ipc/channel.hpp"
#include "ipc/crc32c.hpp"
#include "run_segments.hpp"
#include "wire/memory.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

/// A run with real segments; brain, which reads several rings, dies in it as the test says.
struct Run {
  Run() {
    char name[] = "/tmp/prot-poison-test-XXXXXX";
    folder = ::mkdtemp(name);
    instance = "p" + std::to_string(::getpid());
    segments.emplace(instance, "run1");
    watch.emplace(segments->rings(), folder / "dead-letters", "run1");
    for (const char* ring : {"transcript", "recall"})
      outputs.emplace(ring, std::make_unique<ipc::Output>(open(ring, ipc::Role::kProducer), nullptr, clock));
  }
  ~Run() {
    segments->remove();
    fs::remove_all(folder);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  ipc::RingSegment open(const std::string& ring, ipc::Role role) const {
    return ipc::RingSegment::open(ipc::segment_name(instance, "run1", ring), role);
  }
  void send(const char* ring, const std::string& text) {
    ipc::FrameInfo info;
    info.kind = 20;
    info.turn = 7;
    REQUIRE(outputs.at(ring)->publish(info, wire::as_bytes(text)) == ipc::PublishResult::kOk);
  }
  /// The next generation of brain.
  void attach() {
    segments->set_generation("brain", ++generation, 1);
    for (const char* ring : {"transcript", "recall"})
      inputs[ring] =
          std::make_unique<ipc::Input>(open(ring, ipc::Role::kConsumer), nullptr, clock, generation);
  }
  std::string peek(const char* ring) {
    clock.advance(kMillisecond);
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    if (inputs.at(ring)->peek(info, payload) != ipc::TakeResult::kFrame) return "";
    return std::string(wire::as_text(payload));
  }
  std::string die(int code = -SIGSEGV) { return watch->on_death("brain", generation, {code}); }
  std::size_t dead_letters() const {
    if (!fs::exists(folder / "dead-letters")) return 0;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder / "dead-letters"), fs::directory_iterator()));
  }
  std::uint64_t poison(std::string_view ring) const {
    for (std::size_t i = 0; i < wire::kRings.size(); ++i)
      if (wire::kRings[i].name == ring) return segments->rings()[i].memory().supervisor->poison_frames;
    return 0;
  }

  fs::path folder;
  std::string instance;
  FakeClock clock;
  std::optional<RunSegments> segments;
  std::optional<PoisonWatch> watch;
  std::map<std::string, std::unique_ptr<ipc::Output>> outputs;
  std::map<std::string, std::unique_ptr<ipc::Input>> inputs;
  std::uint32_t generation = 0;
};

TEST_CASE_FIXTURE(Run, "the frame in hand at two deaths is moved to a file, whole and private") {
  for (const char* text : {"good", "poison", "fine"}) send("transcript", text);
  attach();
  CHECK(peek("transcript") == "good");
  inputs["transcript"]->release();
  CHECK(peek("transcript") == "poison");
  CHECK(die().empty());
  CHECK(dead_letters() == 0);
  attach();
  CHECK(peek("transcript") == "poison");
  const fs::path file = folder / "dead-letters" / "transcript-run1-1.frame";
  CHECK(die(1) == "frame 1 of transcript ended brain twice: set aside in " + file.string());
  CHECK(poison("transcript") == 1);

  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  ipc::RecordHeader header{};
  std::uint32_t total = 0;
  std::uint32_t crc = 0;
  REQUIRE(bytes.size() == sizeof total + sizeof header + 6 + sizeof crc);
  std::memcpy(&total, bytes.data(), sizeof total);
  std::memcpy(&header, bytes.data() + sizeof total, sizeof header);
  std::memcpy(&crc, bytes.data() + bytes.size() - sizeof crc, sizeof crc);
  CHECK(total == sizeof header + 6);
  CHECK(header.sequence == 1);
  CHECK(header.turn == 7);
  CHECK(bytes.substr(sizeof total + sizeof header, 6) == "poison");
  CHECK(crc == ipc::crc32c(std::as_bytes(std::span(bytes)).first(bytes.size() - sizeof crc)));

  attach();
  CHECK(peek("transcript") == "fine");
  inputs["transcript"]->release();
  CHECK(inputs["transcript"]->used() == 0);
}

TEST_CASE_FIXTURE(Run, "only deaths of its own doing count") {
  send("transcript", "innocent");
  for (const int code : {-SIGKILL, -SIGTERM, -SIGINT, -SIGHUP, 0, -SIGKILL}) {
    attach();
    REQUIRE(peek("transcript") == "innocent");
    CHECK(die(code).empty());
  }
  CHECK(poison("transcript") == 0);
  CHECK(dead_letters() == 0);
}

TEST_CASE_FIXTURE(Run, "a process that died before it attached does not blame its predecessor's frame") {
  send("transcript", "once");
  attach();
  REQUIRE(peek("transcript") == "once");
  CHECK(die().empty());
  segments->set_generation("brain", ++generation, 1);  // ends in its main
  CHECK(die(1).empty());
  CHECK(poison("transcript") == 0);
}

TEST_CASE_FIXTURE(Run, "of two rings with a frame in hand the one that was looked at last is blamed") {
  send("recall", "held");
  send("transcript", "poison");
  for (int i = 0; i < 2; ++i) {
    attach();
    REQUIRE(peek("recall") == "held");
    REQUIRE(peek("transcript") == "poison");
    (void)die();
  }
  CHECK(poison("transcript") == 1);
  CHECK(poison("recall") == 0);
  attach();
  CHECK(peek("recall") == "held");
  CHECK(peek("transcript") == "");
}

TEST_CASE_FIXTURE(Run, "different frames at each death are no poison, and a released one is forgotten") {
  for (int i = 0; i < 40; ++i) send("transcript", std::to_string(i));
  for (int i = 0; i < 40; ++i) {
    attach();
    REQUIRE(peek("transcript") == std::to_string(i));
    CHECK(die().empty());
    attach();
    REQUIRE(peek("transcript") == std::to_string(i));
    inputs["transcript"]->release();
  }
  CHECK(poison("transcript") == 0);
}

TEST_CASE_FIXTURE(Run, "two poison frames behind one in hand are both stepped over") {
  for (const char* text : {"held", "bad", "worse", "fine"}) send("transcript", text);
  for (int i = 0; i < 2; ++i) {
    attach();
    REQUIRE(peek("transcript") == "held");
    REQUIRE(peek("transcript") == "bad");
    (void)die();
  }
  for (int i = 0; i < 2; ++i) {
    attach();
    REQUIRE(peek("transcript") == "held");
    REQUIRE(peek("transcript") == "worse");
    (void)die();
  }
  attach();
  CHECK(peek("transcript") == "held");
  CHECK(peek("transcript") == "fine");
  CHECK(poison("transcript") == 2);
  CHECK(dead_letters() == 2);
}

TEST_CASE_FIXTURE(Run, "of the files only so many are kept, and it is told when old ones go") {
  watch.emplace(segments->rings(), folder / "dead-letters", "run1", KeptFiles{.most = 2});
  for (int i = 0; i < 4; ++i) send("transcript", "bad");
  std::string line;
  for (int i = 0; i < 8; ++i) {
    attach();
    REQUIRE(peek("transcript") == "bad");
    line = die();
  }
  CHECK(poison("transcript") == 4);
  CHECK(dead_letters() == 2);
  CHECK(line.find("1 old ones there are removed") != std::string::npos);
}

TEST_CASE_FIXTURE(Run, "a frame that cannot be kept stays in the ring, and is tried again") {
  send("transcript", "poison");
  const std::ofstream in_the_way(folder / "dead-letters");
  for (int i = 0; i < 2; ++i) {
    attach();
    REQUIRE(peek("transcript") == "poison");
    const std::string line = die();
    CHECK((line.find("cannot be set aside") != std::string::npos) == (i == 1));
  }
  CHECK(poison("transcript") == 0);
  fs::remove(folder / "dead-letters");
  attach();
  REQUIRE(peek("transcript") == "poison");
  CHECK(die().find("ended brain twice") != std::string::npos);
  CHECK(poison("transcript") == 1);
}

TEST_CASE_FIXTURE(Run, "the end of the stream is never moved") {
  REQUIRE(wire::send(*outputs["transcript"], wire::EndOfStream{}, {}, {}) == ipc::PublishResult::kOk);
  for (int i = 0; i < 3; ++i) {
    attach();
    REQUIRE_FALSE(peek("transcript").empty());
    CHECK(die().empty());
  }
  CHECK(poison("transcript") == 0);
}

TEST_CASE_FIXTURE(Run, "a stage that found its ring damaged blames no frame") {
  send("transcript", "good");
  for (int i = 0; i < 3; ++i) {
    attach();
    REQUIRE(peek("transcript") == "good");
    open("transcript", ipc::Role::kConsumer).memory().consumer->state =
        static_cast<std::uint32_t>(ipc::SideState::kFaulted);
    CHECK(die(1).empty());
  }
  CHECK(poison("transcript") == 0);
}

}  // namespace
}  // namespace prot::supervisor
