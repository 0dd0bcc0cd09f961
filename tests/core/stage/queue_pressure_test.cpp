// Who watches how full a stage's rings are.
#include "stage/queue_pressure.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "tests/support/private_run.hpp"

using namespace prot;
using namespace prot::test;

namespace {

constexpr std::uint64_t kRoom = 64 * 1024;  // of 32 frames
constexpr std::uint64_t kFrame = kRoom / 32;

struct Bench {
  explicit Bench(std::string stage = "stt", std::string ring = "transcript", std::uint64_t room = kRoom)
      : run(std::move(stage), clock, {}, {{ring, room}}),
        output(context->output(ring)),
        input(run.from(ring)) {
    set_log_observer([this](const LogRecord& record) { lines.push_back(record); }, false);
    clock.advance(kSecond);
  }
  ~Bench() { set_log_observer({}, true); }
  void publish(std::uint64_t size) {
    const std::vector<std::byte> payload(size - sizeof(ipc::RecordHeader));
    ipc::FrameInfo info;
    info.kind = 42;
    REQUIRE(output.publish(info, payload) == ipc::PublishResult::kOk);
  }
  /// Publishes or takes until so many frames wait.
  void hold(std::uint64_t frames) {
    while (output.used() < frames * kFrame) publish(kFrame);
    ipc::FrameInfo info;
    std::span<const std::byte> taken;
    while (output.used() > frames * kFrame) {
      REQUIRE(input.peek(info, taken) == ipc::TakeResult::kFrame);
      input.release();
    }
  }
  void look_after(Nanos time) {
    clock.advance(time);
    pressure.look(clock.now());
  }
  [[nodiscard]] std::uint64_t events() { return output.ring().memory().producer->pressure_events.load(); }

  FakeClock clock;
  PrivateRun run;
  std::unique_ptr<stage::StageContext> context = run.attach();
  ipc::Output& output;
  ipc::Input& input;
  stage::QueuePressure pressure{*context};
  std::vector<LogRecord> lines;
};

std::string field(const LogRecord& line, std::string_view key) {
  for (const LogField& one : line.fields)
    if (one.key == key) return one.json;
  return "none";
}

}  // namespace

TEST_CASE("a ring that gets three quarters full is counted and told once") {
  Bench bench;  // 23 of 32 frames are silent
  bench.hold(23);
  bench.look_after(kSecond);
  CHECK(bench.lines.empty());
  CHECK(bench.events() == 0);
  bench.hold(24);
  for (int i = 0; i < 50; ++i) bench.look_after(kSecond);
  REQUIRE(bench.lines.size() == 1);
  CHECK(bench.events() == 1);
  const LogRecord& line = bench.lines[0];
  CHECK(line.level == LogLevel::kWarn);
  CHECK(line.message == "Queue pressure");
  CHECK(field(line, "ring") == "\"transcript\"");
  CHECK(field(line, "used") == std::to_string(24 * kFrame));
  CHECK(field(line, "capacity") == std::to_string(kRoom));
  CHECK(field(line, "producer") == "\"stt\"");
  CHECK(field(line, "consumer") == "\"brain\"");
  CHECK(field(line, "oldest_ms") == "2000");  // published a second before the first look
  CHECK(field(line, "times") == "1");
}

TEST_CASE("16 do not arm it again, 15 do") {
  Bench bench;
  bench.hold(24);
  bench.look_after(kSecond);
  bench.hold(16);
  bench.look_after(kSecond);
  bench.hold(32);
  bench.look_after(20 * kSecond);
  CHECK(bench.events() == 1);
  bench.hold(15);
  bench.look_after(kSecond);
  bench.hold(24);
  bench.look_after(kSecond);
  CHECK(bench.events() == 2);
  CHECK(bench.lines.size() == 2);
}

TEST_CASE("what came and went between two looks was pressure, round after round") {
  Bench bench;
  for (std::uint64_t round = 1; round <= 5; ++round) {
    bench.hold(24);
    bench.hold(0);
    bench.look_after(0);  // the end of the duty cycle: the time for a look has not come
    CHECK(bench.events() == round);
    bench.hold(23);
    bench.hold(0);
    bench.look_after(kMillisecond);
    CHECK(bench.events() == round);
  }
}

TEST_CASE("again and again full: counted each time, told every ten seconds") {
  Bench bench;
  for (int i = 0; i < 40; ++i) {
    bench.hold(26);
    bench.look_after(kSecond / 2);
    bench.hold(0);
    bench.look_after(kSecond / 2);
  }
  CHECK(bench.events() == 40);
  REQUIRE(bench.lines.size() == 4);
  CHECK(field(bench.lines[3], "times") == "31");
}

TEST_CASE("a successor tells what its predecessor left, and goes on counting") {
  Bench bench;
  bench.hold(30);
  bench.look_after(kSecond);
  bench.hold(32);
  const auto successor = bench.run.attach();
  stage::QueuePressure pressure(*successor);
  bench.clock.advance(kSecond);
  pressure.look(bench.clock.now());
  CHECK(bench.events() == 2);
  REQUIRE(bench.lines.size() == 2);
  CHECK(field(bench.lines[1], "used") == std::to_string(kRoom));
}

TEST_CASE("a ring that is full by design sets its own level") {
  Bench pcm("tts", "pcm");  // sound is made faster than it is heard
  pcm.hold(32);
  pcm.look_after(kSecond);
  CHECK(pcm.events() == 0);
  CHECK(pcm.lines.empty());
  CHECK(wire::pressure_levels(*wire::find_ring("speech"), 256 * 1024).tell == 96 * 1024);
  CHECK(wire::pressure_levels(*wire::find_ring("speech"), 256 * 1024).forget == 64 * 1024);
}

TEST_CASE("the oldest frame is found behind padding, and there is none in an empty ring") {
  Bench bench;
  CHECK(bench.output.ring().oldest_published() == 0);
  bench.hold(31);
  bench.hold(0);
  bench.clock.advance(kSecond);
  bench.publish(2 * kFrame);  // does not fit behind the 31st: padding, then the frame
  REQUIRE(bench.output.used() == 3 * kFrame);
  CHECK(bench.output.ring().oldest_published() == bench.clock.now());
}
