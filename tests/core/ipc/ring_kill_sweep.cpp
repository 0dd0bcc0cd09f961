// Kills a process at every instruction of a ring operation, restarts it as its successor would, drains, and
// compares with what must have come out. "ring_kill_sweep" goes in strides (seconds); "--all" takes every
// point.
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "kill_sweep.hpp"
#include "segment_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

// ---- one operation each, as the process does it that will be killed, and its successor's part

void feed(SharedRing& ring, std::uint64_t frames) {
  RingProducer producer(ring.memory());
  for (std::uint64_t i = producer.next_sequence(); i < frames; ++i) send_number(producer, i);
}

void send_one(World& world) {
  RingProducer producer(world.input.memory());
  send_number(producer, producer.next_sequence());
}

Verdict finish_sending(World& world) {
  feed(world.input, kFrames);
  return drain(world.input);
}

void take_one(World& world) {
  RingConsumer consumer(world.input.memory());
  FrameInfo info;
  std::span<const std::byte> payload;
  if (consumer.peek(info, payload) != TakeResult::kFrame) return;
  world.processed = is_right(payload, info.sequence) ? 1 : -1;
  consumer.release(1);
}

Verdict finish_taking(World& world) {
  const std::uint64_t first = world.input.consumer.head == world.input.producer.slot[0].source[0] ? 0 : 1;
  Verdict verdict = drain(world.input, first);
  if (world.processed < 0) ++verdict.torn;
  if (first == 1 && world.processed == 0) ++verdict.lost;  // released before the work was done
  return verdict;
}

enum class Order { kPublishThenRelease, kReleaseThenPublish };

/// One turn of a stage with one input and one output; `resume`: by the slots, as a stage does it.
bool stage_step(World& world, Order order, bool resume) {
  RingConsumer input(world.input.memory());
  RingProducer output(world.output.memory());
  const std::uint64_t covered = output.resume_sources().seq[0];
  if (resume && covered > 0) input.skip_through(covered - 1, 1);
  FrameInfo info;
  std::span<const std::byte> payload;
  if (input.peek(info, payload) != TakeResult::kFrame) return false;
  const std::uint64_t number = is_right(payload, info.sequence) ? info.sequence : kFrames;
  if (order == Order::kReleaseThenPublish) input.release(1);
  Sources sources;
  sources.seq[0] = info.sequence + 1;
  send_number(output, number, sources);
  input.release(1);
  return true;
}

template <Order order, bool resume>
void step_once(World& world) {
  stage_step(world, order, resume);
}

template <Order order, bool resume>
Verdict finish_stage(World& world) {
  for (std::uint64_t i = 0; i < 2 * kFrames && stage_step(world, order, resume); ++i) {
  }
  return drain(world.output);
}

/// A stage that holds three frames, looks at them again, and answers them with one: all of them or none.
void gather_three(World& world) {
  RingConsumer input(world.input.memory());
  RingProducer output(world.output.memory());
  const std::uint64_t covered = output.resume_sources().seq[0];
  if (covered > 0) return input.skip_through(covered - 1, 1);
  FrameInfo info;
  std::span<const std::byte> payload;
  const auto look = [&] {
    for (int i = 0; i < 3; ++i)
      if (input.peek(info, payload) != TakeResult::kFrame) return;
  };
  look();
  input.rewind();
  look();
  Sources sources;
  sources.seq[0] = info.sequence + 1;
  send_number(output, 0, sources);
  input.release_through(info.sequence - 1, 1);
  input.release(1);
}

Verdict finish_gathering(World& world) {
  gather_three(world);
  Verdict verdict;
  RingConsumer rest(world.input.memory());
  FrameInfo info;
  std::span<const std::byte> payload;
  if (rest.peek(info, payload) != TakeResult::kFrame || info.sequence > 3) ++verdict.lost;
  if (info.sequence < 3) ++verdict.duplicated;
  RingProducer output(world.output.memory());
  for (std::uint64_t i = output.next_sequence(); i < kFrames; ++i) send_number(output, i);
  verdict += drain(world.output);
  return verdict;
}

struct Scenario {
  const char* name;
  std::uint64_t start;  // position of both rings
  std::uint64_t fed;    // frames in the input before
  void (*act)(World&);
  Verdict (*finish)(World&);
  bool must_fail;  // a control: shows that the oracle sees this fault
};

constexpr auto kGood = Order::kPublishThenRelease;
constexpr auto kBad = Order::kReleaseThenPublish;
constexpr std::uint64_t kWrap = kCapacity - 512;
const Scenario kScenarios[] = {
    {"attach and send", 0, 3, send_one, finish_sending, false},
    {"attach and send over the wrap", kCapacity - 3584, 3, send_one, finish_sending, false},
    {"attach, take, release", 0, kFrames, take_one, finish_taking, false},
    {"attach, take, release over the wrap", kWrap, kFrames, take_one, finish_taking, false},
    {"a stage's step", 0, kFrames, step_once<kGood, true>, finish_stage<kGood, true>, false},
    {"a stage's step over the wrap", kWrap, kFrames, step_once<kGood, true>, finish_stage<kGood, true>,
     false},
    {"three frames in hand, one answer", kWrap, kFrames, gather_three, finish_gathering, false},
    {"control: release before publish", 0, kFrames, step_once<kBad, true>, finish_stage<kBad, true>, true},
    {"control: no resume slot", 0, kFrames, step_once<kGood, false>, finish_stage<kGood, false>, true},
};

void prepare(World& world, const Scenario& scenario) {
  world.reset(scenario.start);
  feed(world.input, scenario.fed);
  // Where the head stood before, for finish_taking; the slot that is not in use may hold anything.
  ResumeSlot& slot = world.input.producer.slot[0];
  if (scenario.finish == finish_taking) slot.source[0] = scenario.start;
}

bool ptrace_works() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct Sum {
  std::uint64_t points = 0;  // states looked at
  std::uint64_t kills = 0;
  Verdict verdict;
};

void report(const char* name, const Sum& sum, bool good) {
  const Verdict& v = sum.verdict;
  std::printf("%-36s %5llu states %5llu kills  lost %d duplicated %d torn %d stuck %d  %s\n", name,
              static_cast<unsigned long long>(sum.points), static_cast<unsigned long long>(sum.kills), v.lost,
              v.duplicated, v.torn, v.stuck, good ? "ok" : "FAILED");
  std::fflush(stdout);
}

/// Every state between two instructions, as a copy of what a dead process would leave.
void look_at_all(World& world, const Scenario& scenario, Sum& sum) {
  static World copy;
  prepare(world, scenario);
  Child child(world, [&] { scenario.act(world); });
  do {
    std::memcpy(static_cast<void*>(&copy), static_cast<const void*>(&world), sizeof copy);
    sum.verdict += scenario.finish(copy);
    ++sum.points;
  } while (child.step());
}

void kill_at_strides(World& world, const Scenario& scenario, std::uint64_t stride, Sum& sum) {
  bool more = true;
  for (std::uint64_t steps = 0; more; steps += stride) {
    prepare(world, scenario);
    more = Child(world, [&] { scenario.act(world); }).step(steps);
    sum.verdict += scenario.finish(world);
    ++sum.kills;
  }
}

bool sweep(World& world, const Scenario& scenario, std::uint64_t stride) {
  prepare(world, scenario);
  scenario.act(world);  // binds what the loader binds late, outside the sweep
  Sum sum;
  look_at_all(world, scenario, sum);
  kill_at_strides(world, scenario, stride, sum);
  const bool good = sum.verdict.clean() != scenario.must_fail;
  report(scenario.name, sum, good);
  return good;
}

/// The whole channel on real segments: a sleeping peer behind it, its bell, the policies' counters. The peer
/// must have been rung when everything is restarted, and get every frame once.
bool sweep_channels(World& world, std::uint64_t stride) {
  const SteadyClock clock;
  const Doorbell bell = Doorbell::create();
  Sum sum;
  bool more = true;
  for (std::uint64_t steps = 0; more; steps += stride) {
    world.reset(0);
    bell.clear();
    const TestSegment segment;
    FrameInfo info;
    info.kind = 1;
    std::vector<std::byte> payload(kLength);
    const auto send_all = [&](Output& output, std::uint64_t until) {
      for (std::uint64_t i = output.resume_sources().seq[0]; i < until; ++i) {
        fill(payload, i);
        Sources sources;
        sources.seq[0] = i + 1;
        (void)output.publish(info, payload, sources);
      }
    };
    {
      Output first(segment.open(Role::kProducer), &bell, clock);
      send_all(first, 2);
    }
    Input sleeper(segment.open(Role::kConsumer), nullptr, clock);
    std::span<const std::byte> got;
    while (sleeper.peek(info, got) == TakeResult::kFrame) sleeper.release();
    sleeper.disarm();
    bell.clear();
    sleeper.arm();
    if (sleeper.changed()) die("the sleeper does not sleep");
    {
      // The child attaches before its window: what is stepped is publish, tail store, ticket, bell.
      Output early(segment.open(Role::kProducer), &bell, clock);
      bell.clear();
      more = Child(world, [&] { send_all(early, 3); }).step(steps);
    }
    Output successor(segment.open(Role::kProducer), &bell, clock);
    std::uint64_t rings = 0;
    if (::read(bell.fd(), &rings, sizeof rings) != sizeof rings) ++sum.verdict.stuck;
    send_all(successor, kFrames);
    std::uint64_t expected = 2;
    sleeper.disarm();
    while (sleeper.peek(info, got) == TakeResult::kFrame) {
      if (!is_right(got, expected)) ++sum.verdict.torn;
      ++expected;
      sleeper.release();
    }
    if (expected < kFrames) ++sum.verdict.lost;
    if (expected > kFrames) ++sum.verdict.duplicated;
    ++sum.kills;
  }
  report("publish to a sleeper, with its bell", sum, sum.verdict.clean());
  return sum.verdict.clean();
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::puts("skipped: instructions of a sanitizer are not ours");
  return 77;
#endif
  if (!ptrace_works()) {
    std::puts("skipped: ptrace is not allowed here");
    return 77;
  }
  stay_on_one_processor();
  const bool all = argc > 1 && std::string_view(argv[1]) == "--all";
  void* memory = ::mmap(nullptr, sizeof(World), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  World& world = *new (memory) World{};
  bool good = true;
  try {
    for (const Scenario& scenario : kScenarios) good = sweep(world, scenario, all ? 1 : 97) && good;
    good = sweep_channels(world, all ? 1 : 29) && good;
  } catch (const Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
  return good ? 0 : 1;
}
