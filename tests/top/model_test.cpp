#include "observed.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <fstream>
#include <optional>
#include <sstream>

#include "base/error.hpp"
#include "json/json.hpp"
#include "test_instance.hpp"
#include "top_json.hpp"

using namespace prot;
using namespace prot::top;
using namespace prot::top::test;

namespace {

const RingRow& ring_of(const Snapshot& s, const std::string& name) {
  for (const RingRow& row : s.rings)
    if (row.name == name) return row;
  throw std::runtime_error("no ring " + name);
}
const StageRow& stage_of(const Snapshot& s, const std::string& name) {
  for (const StageRow& row : s.stages)
    if (row.name == name) return row;
  throw std::runtime_error("no stage " + name);
}

// A pid that nobody has any more.
std::uint64_t dead_pid() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return static_cast<std::uint64_t>(child);
}

void kill_supervisor(TestInstance& instance) { instance.supervisor.supervisor().pid.store(dead_pid()); }

std::string bytes_of(const std::string& segment) {
  std::ifstream file("/dev/shm" + segment, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_byte(const std::string& segment, off_t offset, char value) {
  std::fstream file("/dev/shm" + segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file.put(value);
}

std::optional<Error> refusal(const std::string& instance) {
  try {
    static_cast<void>(open_run(instance));
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("rates are those of the interval, and there are none before there is one") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("rates"));
  RunModel model(instance.instance, clock);
  TestRing& mic = instance.ring("mic");
  CHECK_FALSE(model.read().interval_ns);
  for (int i = 0; i < 50; ++i) {
    REQUIRE(mic.publish(std::string(100, 'x'), clock.now()) == ipc::PublishResult::kOk);
    REQUIRE(mic.pass_on(clock.now()));
  }
  mic.producer_page().blocked_ns.store(30'000'000);
  clock.advance(500 * kMillisecond);
  const Snapshot s = model.read();
  CHECK(*s.interval_ns == 500 * kMillisecond);
  CHECK(*ring_of(s, "mic").frames_per_s == doctest::Approx(100));
  CHECK(*ring_of(s, "mic").bytes_per_s == doctest::Approx(100 * 160));
  CHECK(*ring_of(s, "mic").released_per_s == doctest::Approx(100));
  CHECK(*ring_of(s, "mic").blocked_ns_per_s == doctest::Approx(60e6));
  CHECK(*ring_of(s, "transcript").frames_per_s == 0);
}

TEST_CASE("what waits is counted in bytes, frames and time") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("waits"));
  RunModel model(instance.instance, clock);
  TestRing& ring = instance.ring("transcript");
  CHECK_FALSE(ring_of(model.read(), "transcript").lag_ns);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(ring.publish("hello", clock.now()) == ipc::PublishResult::kOk);
    clock.advance(10 * kMillisecond);
  }
  RingRow row = ring_of(model.read(), "transcript");
  CHECK(row.used_bytes == 3 * 64);
  CHECK(*row.used_frames == 3);
  CHECK(*row.lag_ns == 30 * kMillisecond);
  CHECK(*row.age_ns == 10 * kMillisecond);
  CHECK_FALSE(row.in_hand);
  REQUIRE(ring.pass_on(clock.now()));
  row = ring_of(model.read(), "transcript");
  CHECK(*row.used_frames == 2);
  CHECK(*row.lag_ns == 20 * kMillisecond);
}

TEST_CASE("a frame in hand is in progress; afterwards its wait and its work are known") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("hand"));
  RunModel model(instance.instance, clock);
  TestRing& ring = instance.ring("transcript");
  REQUIRE(ring.publish("hello", clock.now()) == ipc::PublishResult::kOk);
  clock.advance(5 * kMillisecond);
  REQUIRE(ring.take(clock.now()));
  clock.advance(7 * kMillisecond);
  RingRow row = ring_of(model.read(), "transcript");
  CHECK(row.in_hand);
  CHECK(*row.wait_ns == 5 * kMillisecond);
  CHECK_FALSE(row.busy_ns);
  ring.consumer.release(clock.now());
  row = ring_of(model.read(), "transcript");
  CHECK_FALSE(row.in_hand);
  CHECK(*row.wait_ns == 5 * kMillisecond);
  CHECK(*row.busy_ns == 7 * kMillisecond);
}

TEST_CASE("p99 is of the samples of the last minute, and clear forgets them") {
  LagWindow window;
  CHECK_FALSE(window.p99(0));
  for (Nanos i = 1; i <= 200; ++i) window.add(i, i);
  CHECK(*window.p99(200) == 198);
  window.add(kSecond, 5000);
  CHECK(*window.p99(kSecond) == 199);
  CHECK(*window.p99(LagWindow::kSpan + kMillisecond) == 5000);  // fewer than 100 are left: the largest
  CHECK_FALSE(window.p99(2 * LagWindow::kSpan));
  for (std::size_t i = 0; i < 2 * LagWindow::kMost; ++i) window.add(kSecond, static_cast<Nanos>(i));
  CHECK(*window.p99(kSecond) >= static_cast<Nanos>(LagWindow::kMost));
}

TEST_CASE("a ring that is always empty when it is looked at has a p99, too: the stay of its newest frame") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("p99"));
  RunModel model(instance.instance, clock);
  TestRing& ring = instance.ring("mic");
  for (int i = 0; i < 10; ++i) {
    REQUIRE(ring.publish("x", clock.now()) == ipc::PublishResult::kOk);
    clock.advance(i == 4 ? 40 * kMillisecond : kMillisecond);
    REQUIRE(ring.pass_on(clock.now()));
    clock.advance(kSecond);
    static_cast<void>(model.read());
    static_cast<void>(model.read());  // looking twice does not count twice
  }
  CHECK(*ring_of(model.read(), "mic").p99_lag_ns == 40 * kMillisecond);
  model.clear();
  CHECK_FALSE(ring_of(model.read(), "mic").p99_lag_ns);
}

TEST_CASE("a producer that sleeps for room shows as blocked; counts come from both sides") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("counts"));
  RunModel model(instance.instance, clock);
  TestRing& ring = instance.ring("transcript");
  ring.producer_page().space_ticket.store(7);
  ring.producer_page().drops.store(3);
  ring.producer_page().late_wakes.store(1);
  ring.consumer_page().late_wakes.store(2);
  ring.consumer_page().stale_frames.store(4);
  ring.producer_page().fault.store(std::uint64_t{1} << 56U);
  ring.consumer_page().faults.store(2);
  ring.supervisor.supervisor_page()->poison_frames.store(2);
  ring.supervisor.supervisor_page()->set_aside_seq[0].store(11);
  ring.supervisor.supervisor_page()->producer_generation.store(5);
  const RingRow row = ring_of(model.read(), "transcript");
  CHECK(row.blocked);
  CHECK(row.drops == 3);
  CHECK(row.late_wakes == 3);
  CHECK(row.stale == 4);
  CHECK(row.faults == 3);
  CHECK(row.poison == 2);
  CHECK(row.poison_sequences == std::vector<std::uint64_t>{10});
  CHECK(row.producer.generation == 5);
}

TEST_CASE("a stage's row: process, heartbeat, counters, CPU to the nanosecond") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("stage"));
  RunModel model(instance.instance, clock);
  CHECK(model.read().stages.empty());  // none was ever started
  instance.start("stt", static_cast<std::uint32_t>(::getpid()), clock.now());
  ipc::Board stt = instance.board_of("stt");
  const auto index = static_cast<std::size_t>(stt.find("stt"));
  stt.stage(index).heartbeat_ns.store(static_cast<std::uint64_t>(clock.now()));
  stt.counter(index, "decodes").store(42);
  clock.advance(kSecond);
  const StageRow first = stage_of(model.read(), "stt");
  CHECK(first.alive);
  CHECK_FALSE(first.cpu_percent);
  CHECK_FALSE(first.last_exit);
  CHECK(*first.up_ns == kSecond);
  CHECK(*first.heartbeat_age_ns == kSecond);
  REQUIRE(first.counters.size() == 1);
  CHECK(first.counters[0].label == "decodes");
  CHECK(first.counters[0].value == 42);
  CHECK(*first.rss_bytes > 100'000);

  const Nanos used = *process_cpu(static_cast<std::uint64_t>(::getpid()));
  while (*process_cpu(static_cast<std::uint64_t>(::getpid())) < used + 20 * kMillisecond) continue;
  clock.advance(100 * kMillisecond);
  stt.stage(index).busy_ns.store(50'000'000);
  const StageRow second = stage_of(model.read(), "stt");
  CHECK(*second.cpu_percent >= 20);
  CHECK(*second.busy_percent == doctest::Approx(50));

  instance.program("stt").last_exit.store(-SIGSEGV);
  instance.start("stt", static_cast<std::uint32_t>(dead_pid()), clock.now());
  const StageRow third = stage_of(model.read(), "stt");
  CHECK_FALSE(third.alive);
  CHECK(*third.last_exit == -SIGSEGV);
  CHECK_FALSE(third.rss_bytes);
  CHECK_FALSE(third.cpu_percent);
}

TEST_CASE("a dead instance is read as it was left: ages stand still at its last sign of life") {
  FakeClock clock(monotonic_now() + 10 * kSecond);
  TestInstance instance(own_name("dead"));
  TestRing& ring = instance.ring("transcript");
  const Nanos last = monotonic_now();
  REQUIRE(ring.publish("hello", last - 3 * kSecond) == ipc::PublishResult::kOk);
  instance.supervisor.supervisor().heartbeat_ns.store(static_cast<std::uint64_t>(last));
  instance.start("stt", static_cast<std::uint32_t>(dead_pid()), last - kSecond);
  kill_supervisor(instance);
  RunModel model(instance.instance, clock);
  static_cast<void>(model.read());
  clock.advance(kSecond);
  const Snapshot s = model.read();
  CHECK_FALSE(s.supervisor_alive);
  CHECK_FALSE(s.removed);
  CHECK(s.at_ns == last);
  CHECK(s.supervisor_heartbeat_age_ns >= 10 * kSecond);
  CHECK(*ring_of(s, "transcript").lag_ns == 3 * kSecond);
  CHECK_FALSE(ring_of(s, "transcript").frames_per_s);
  CHECK(stage_of(s, "stt").state == std::string("ready"));
  CHECK_FALSE(stage_of(s, "stt").alive);
}

TEST_CASE("a pid that another process has now is no living supervisor") {
  TestInstance instance(own_name("reused"));
  CHECK(supervisor_alive(instance.supervisor));
  instance.supervisor.supervisor().start_time.store(1);
  CHECK_FALSE(supervisor_alive(instance.supervisor));
}

TEST_CASE("the living run is chosen, and the next one is followed") {
  FakeClock clock(monotonic_now());
  const std::string name = own_name("follow");
  auto old = std::make_unique<TestInstance>(name, "run1");
  kill_supervisor(*old);
  RunModel model(name, clock);
  CHECK(model.read().run == "run1");
  {
    TestInstance next(name, "run2");
    CHECK(open_run(name)->id == "run2");
    clock.advance(kSecond);
    CHECK(model.read().run == "run2");
    CHECK(model.read().supervisor_alive);
    old.reset();
    kill_supervisor(next);
  }
  clock.advance(kSecond);
  const Snapshot s = model.read();
  CHECK(s.run == "run2");  // gone, but what is mapped stays readable
  CHECK(s.removed);
}

TEST_CASE("nothing there: 3; another version, damage, another size: 4, and the line says which") {
  const std::string name = own_name("refused");
  REQUIRE(refusal(name));
  CHECK(refusal(name)->exit_code() == 3);
  {
    TestInstance instance(name);
    CHECK_FALSE(refusal(name));
    write_byte(instance.segment("mic"), 8, 9);
    REQUIRE(refusal(name));
    CHECK(refusal(name)->exit_code() == 4);
    CHECK(std::string(refusal(name)->what()).find("9.5, this program has 1.5") != std::string::npos);
    CHECK(std::string(refusal(name)->what()).find("mic") != std::string::npos);
  }
  {
    TestInstance instance(name);
    write_byte(instance.segment("mic"), 0x48, 'X');
    CHECK(refusal(name)->exit_code() == 4);
    CHECK(std::string(refusal(name)->what()).find("damaged") != std::string::npos);
  }
  {
    TestInstance instance(name);
    write_byte(instance.segment("board"), 8, 9);
    CHECK(refusal(name)->exit_code() == 4);
    CHECK(std::string(refusal(name)->what()).find("board") != std::string::npos);
  }
  {
    TestInstance instance(name);
    REQUIRE(::truncate(("/dev/shm" + instance.segment("playback")).c_str(), 70'000) == 0);
    CHECK(refusal(name)->exit_code() == 4);
    CHECK(std::string(refusal(name)->what()).find("size") != std::string::npos);
  }
}

TEST_CASE("nothing is written: the bytes stay, and no mapping could write") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("readonly"));
  for (const char* name : {"mic", "transcript"})
    REQUIRE(instance.ring(name).publish("hello", clock.now()) == ipc::PublishResult::kOk);
  const std::string names[] = {"board", "mic", "transcript", "playback"};
  std::string before;
  for (const std::string& name : names) before += bytes_of(instance.segment(name));
  const auto writable_mappings = [&] {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);)
      count +=
          line.find(" rw") != std::string::npos && line.find(instance.instance) != std::string::npos ? 1 : 0;
    return count;
  };
  const int mappings = writable_mappings();  // those of the test
  RunModel model(instance.instance, clock);
  for (int i = 0; i < 20; ++i) {
    clock.advance(100 * kMillisecond);
    static_cast<void>(to_json(model.read()));
  }
  CHECK(writable_mappings() == mappings);
  std::string after;
  for (const std::string& name : names) after += bytes_of(instance.segment(name));
  CHECK((before == after));
}

TEST_CASE("the JSON line is one whole object with units in its names") {
  FakeClock clock(monotonic_now());
  TestInstance instance(own_name("json"));
  instance.start("stt", static_cast<std::uint32_t>(::getpid()), clock.now());
  REQUIRE(instance.ring("mic").publish("hello", clock.now()) == ipc::PublishResult::kOk);
  RunModel model(instance.instance, clock);
  static_cast<void>(model.read());
  clock.advance(kSecond);
  const std::string line = to_json(model.read());
  CHECK(line.find('\n') == std::string::npos);
  const json::Document document = json::parse(line);
  CHECK(document.get("schema").as_int() == 1);
  CHECK(document.get("post_mortem").is_bool());
  const json::View mic = document.get("rings").at(0);
  CHECK(mic.get("name").as_string() == "mic");
  CHECK(mic.get("used_bytes").as_int() == 64);
  CHECK(mic.get("lag_ns").as_int() == kSecond);
  CHECK(mic.get("frames_per_s").is_number());
  CHECK(document.get("rings").at(1).get("lag_ns").is_null());
}
