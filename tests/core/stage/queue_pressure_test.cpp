// Who watches how full a stage's rings are.
#include "stage/queue_pressure.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "tests/support/private_run.hpp"

using namespace prot;
using namespace prot::test;

namespace {

struct Bench {
  Bench() {
    set_log_observer([this](const LogRecord& record) { lines.push_back(record.message); }, false);
  }
  ~Bench() { set_log_observer({}, true); }
  void fill_to(std::uint64_t percent) {
    const std::vector<std::byte> payload(1000);
    ipc::FrameInfo info;
    info.kind = 42;
    while (pcm.used() * 100 < pcm.capacity() * percent)
      REQUIRE(pcm.publish(info, payload) == ipc::PublishResult::kOk);
  }
  void empty() {
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    while (run.from("pcm").peek(info, payload) == ipc::TakeResult::kFrame) run.from("pcm").release();
  }
  void look_after(Nanos time) {
    clock.advance(time);
    pressure.look(clock.now());
  }

  FakeClock clock;
  PrivateRun run{"tts", clock, {}, {{"pcm", 64 * 1024}}};
  std::unique_ptr<stage::StageContext> context = run.attach();
  ipc::Output& pcm = context->output("pcm");
  stage::QueuePressure pressure{*context};
  std::vector<std::string> lines;
};

}  // namespace

TEST_CASE("a ring that gets three quarters full is counted and told once") {
  Bench bench;
  bench.fill_to(70);
  bench.look_after(kSecond);
  CHECK(bench.lines.empty());
  bench.fill_to(76);
  for (int i = 0; i < 50; ++i) bench.look_after(kSecond);
  REQUIRE(bench.lines.size() == 1);
  CHECK(bench.lines[0].starts_with("ring pcm is 7"));
  CHECK(bench.lines[0].ends_with("of 64 KiB)"));
  CHECK(bench.run.counter("pressure_pcm") == 1);
}

TEST_CASE("again and again full: counted each time, told every ten seconds") {
  Bench bench;
  for (int i = 0; i < 40; ++i) {
    bench.fill_to(80);
    bench.look_after(kSecond / 2);
    bench.empty();
    bench.look_after(kSecond / 2);
  }
  CHECK(bench.run.counter("pressure_pcm") == 40);
  CHECK(bench.lines.size() == 4);
}

TEST_CASE("one that stays above half is one time") {
  Bench bench;
  bench.fill_to(80);
  bench.look_after(kSecond);
  bench.empty();
  bench.fill_to(60);
  bench.look_after(kSecond);
  bench.fill_to(80);
  bench.look_after(20 * kSecond);
  CHECK(bench.run.counter("pressure_pcm") == 1);
}
