// The ends of a channel on real segments: who sleeps, who wakes whom, what a restart must make good. The peer
// of the process that dies is this one, and lives on with what it remembers.
#include <unistd.h>

#include <optional>

#include "tests/core/ipc/segment_fixture.hpp"
#include "tests/support/kill_sweep.hpp"

namespace prot::ipc::test {
namespace {

/// One ring with both bells. Frames are numbered by their sequence.
struct Rig {
  static const SteadyClock& world_clock() {
    static const SteadyClock clock;
    return clock;
  }
  [[nodiscard]] Output output() const {
    return {segment.open(Role::kProducer), &consumer_bell, world_clock()};
  }
  [[nodiscard]] Input input() const { return {segment.open(Role::kConsumer), &producer_bell, world_clock()}; }

  TestSegment segment{Policy::kBlock, 65536, 4096};
  Doorbell producer_bell = Doorbell::create();
  Doorbell consumer_bell = Doorbell::create();
};

bool rung(const Doorbell& bell) {
  std::uint64_t count = 0;
  return ::read(bell.fd(), &count, sizeof count) == sizeof count;
}

PublishResult send(Output& output, std::uint32_t turn = 0, std::size_t length = kLength) {
  std::byte payload[4096];
  fill(std::span(payload).first(length), output.next_sequence() % 200);
  FrameInfo info;
  info.kind = 1;
  info.turn = turn;
  return output.publish(info, std::span(payload).first(length));
}

void send_until(Output& output, std::uint64_t frames) {
  while (output.next_sequence() < frames)
    if (send(output) != PublishResult::kOk) die("the ring is full");
}

/// Until a frame is on offer; long ones, of turn 1, are few.
void fill_up(Output& output, bool long_ones = false) {
  while (send(output, long_ones ? 1 : 0, long_ones ? 4096 : kLength) == PublishResult::kOk) {
  }
}

/// Takes everything that is there; the first frame must be one of first .. latest, and none may be missing.
void take_all(Input& input, std::uint64_t first, std::uint64_t latest, std::uint64_t end, Verdict& verdict) {
  FrameInfo info;
  std::span<const std::byte> payload;
  std::uint64_t expected = first;
  bool begun = false;
  TakeResult result = TakeResult::kEmpty;
  while ((result = input.peek(info, payload)) == TakeResult::kFrame) {
    if (!begun && info.sequence >= first && info.sequence <= latest) expected = info.sequence;
    begun = true;
    if (info.sequence < expected) ++verdict.duplicated;
    if (info.sequence > expected) ++verdict.lost;
    if (!is_right(payload, info.sequence % 200)) ++verdict.torn;
    expected = info.sequence + 1;
    input.release();
  }
  if (result == TakeResult::kFaulted) ++verdict.stuck;
  if (expected < end) ++verdict.lost;
  if (expected > end) ++verdict.duplicated;
}

/// True: it sleeps now.
template <typename End>
bool fall_asleep(End& end, const Doorbell& bell) {
  end.disarm();
  bell.clear();
  end.arm();
  return !end.changed();
}

/// Runs `point` for each kill point; it returns false after the last one.
template <typename Point>
Sum each_point(World& world, std::uint64_t stride, Point point) {
  Sum sum;
  bool more = true;
  for (std::uint64_t steps = 0; more; steps += stride) {
    world.reset(0);
    more = point(steps, sum.verdict);
    ++sum.kills;
  }
  return sum;
}

// ---- the producer dies

template <bool rings_at_attach>
Sum publish_to_a_sleeper(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    const Rig rig;
    std::optional<Output> first(rig.output());
    send_until(*first, 2);
    Input sleeper = rig.input();
    take_all(sleeper, 0, 0, 2, verdict);
    if (!fall_asleep(sleeper, rig.consumer_bell)) die("the consumer does not sleep");
    const bool more = Child(world.done, [&] { (void)send(*first); }).step(steps);
    Output successor = rig.output();
    if (!rings_at_attach && successor.next_sequence() == 2)
      rig.consumer_bell.ring();  // nothing was published
    if (!rings_at_attach) return more;
    if (!rung(rig.consumer_bell)) ++verdict.stuck;
    send_until(successor, kFrames);
    sleeper.disarm();
    take_all(sleeper, 2, 2, kFrames, verdict);
    return more;
  });
}

/// What the sweep above would see if attaching did not ring: some points leave the frame and no bell.
Sum publish_without_the_bell_at_attach(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    const Rig rig;
    Output first = rig.output();
    Input sleeper = rig.input();
    if (!fall_asleep(sleeper, rig.consumer_bell)) die("the consumer does not sleep");
    const bool more = Child(world.done, [&] { (void)send(first); }).step(steps);
    if (sleeper.changed() && !rung(rig.consumer_bell)) ++verdict.stuck;
    return more;
  });
}

Sum producer_falls_asleep(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    const Rig rig;
    Output first = rig.output();
    Input consumer = rig.input();
    fill_up(first);
    // The consumer has served a sleep of the predecessor: it remembers the number.
    (void)fall_asleep(first, rig.producer_bell);
    FrameInfo info;
    std::span<const std::byte> payload;
    if (consumer.peek(info, payload) != TakeResult::kFrame) die("no frame");
    consumer.release();
    fill_up(first);
    const bool more = Child(world.done, [&] {
                        first.disarm();
                        rig.producer_bell.clear();
                        (void)send(first);
                        first.arm();
                        (void)first.changed();
                      }).step(steps);
    if (consumer.peek(info, payload) != TakeResult::kFrame) die("no frame");
    consumer.release();
    Output successor = rig.output();
    if (send(successor) != PublishResult::kOk) ++verdict.stuck;  // there was room
    fill_up(successor);
    if (!fall_asleep(successor, rig.producer_bell)) ++verdict.stuck;
    const std::uint64_t end = successor.next_sequence();
    take_all(consumer, 2, 2, end, verdict);
    if (!rung(rig.producer_bell)) ++verdict.stuck;
    return more;
  });
}

Sum producer_attaches(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    const Rig rig;
    std::optional<Output> first(rig.output());
    fill_up(*first);
    first->arm();  // it dies asleep
    std::optional<Output> attached;
    auto segment = std::make_shared<RingSegment>(rig.segment.open(Role::kProducer));
    const bool more = Child(world.done, [&] {
                        attached.emplace(std::move(*segment), &rig.consumer_bell, Rig::world_clock());
                      }).step(steps);
    Input consumer = rig.input();
    rig.producer_bell.clear();
    Output successor = rig.output();
    const std::uint64_t end = successor.next_sequence();
    if (send(successor) != PublishResult::kFull) ++verdict.lost;
    if (!fall_asleep(successor, rig.producer_bell)) ++verdict.stuck;
    take_all(consumer, 0, 0, end, verdict);
    if (!rung(rig.producer_bell)) ++verdict.stuck;
    return more;
  });
}

// ---- the consumer dies

enum class Way { kRelease, kFlush };

/// The producer sleeps for space with a frame on offer; the consumer makes room.
template <Way way>
Sum make_room_for_a_sleeper(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    const Rig rig;
    Output sleeper = rig.output();
    fill_up(sleeper, way == Way::kFlush);
    Input first = rig.input();
    if (!fall_asleep(sleeper, rig.producer_bell)) die("the producer does not sleep");
    const std::uint64_t full = sleeper.next_sequence();
    FrameInfo info;
    std::span<const std::byte> payload;
    if (first.peek(info, payload) != TakeResult::kFrame) die("no frame");
    const bool more = Child(world.done, [&] {
                        way == Way::kFlush ? (void)first.drop_stale(1) : first.release();
                      }).step(steps);
    Input successor = rig.input();
    if (!rung(rig.producer_bell)) ++verdict.stuck;
    const std::uint64_t first_left = way == Way::kFlush ? full : 1;
    if (way == Way::kFlush && successor.peek(info, payload) == TakeResult::kFrame) {
      if (info.sequence != 0 || successor.drop_stale(1) != full) ++verdict.lost;
    }
    if (way == Way::kRelease && successor.used() != 0 &&
        successor.peek(info, payload) == TakeResult::kFrame) {
      if (info.sequence > 1) ++verdict.lost;
      if (info.sequence == 0) successor.release();
      successor.rewind();
    }
    sleeper.disarm();
    if (send(sleeper) != PublishResult::kOk) ++verdict.stuck;
    take_all(successor, first_left, first_left, full + 1, verdict);
    return more;
  });
}

Sum consumer_falls_asleep(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    const Rig rig;
    Output producer = rig.output();
    Input first = rig.input();
    // The producer has served a sleep of the predecessor: it remembers the number.
    if (!fall_asleep(first, rig.consumer_bell)) die("the consumer does not sleep");
    send_until(producer, 1);
    take_all(first, 0, 0, 1, verdict);
    const bool more = Child(world.done, [&] {
                        first.disarm();
                        rig.consumer_bell.clear();
                        FrameInfo info;
                        std::span<const std::byte> payload;
                        (void)first.peek(info, payload);
                        first.arm();
                        (void)first.changed();
                      }).step(steps);
    send_until(producer, 2);  // into the time without a consumer
    Input successor = rig.input();
    take_all(successor, 1, 1, 2, verdict);
    if (!fall_asleep(successor, rig.consumer_bell)) ++verdict.stuck;
    send_until(producer, 3);
    if (!rung(rig.consumer_bell)) ++verdict.stuck;
    take_all(successor, 2, 2, 3, verdict);
    return more;
  });
}

Sum consumer_attaches(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    const Rig rig;
    Output producer = rig.output();
    Input first = rig.input();
    first.arm();  // it dies asleep, served and with a frame before it
    send_until(producer, 1);
    std::optional<Input> attached;
    auto segment = std::make_shared<RingSegment>(rig.segment.open(Role::kConsumer));
    const bool more = Child(world.done, [&] {
                        attached.emplace(std::move(*segment), &rig.producer_bell, Rig::world_clock());
                      }).step(steps);
    Input successor = rig.input();
    take_all(successor, 0, 0, 1, verdict);
    if (!fall_asleep(successor, rig.consumer_bell)) ++verdict.stuck;
    send_until(producer, 2);
    if (!rung(rig.consumer_bell)) ++verdict.stuck;
    take_all(successor, 1, 1, 2, verdict);
    return more;
  });
}

// ---- a writer that is only stopped

/// Stopped at each instruction of a send, replaced without a kill, woken again: the second fence covers all
/// but the stretch between its look and its tail store. That is why a process is killed before it is
/// replaced.
Sum replaced_without_a_kill(World& world, std::uint64_t stride) {
  return each_point(world, stride, [&](std::uint64_t steps, Verdict& verdict) {
    world.input.supervisor.producer_generation = 1;
    RingProducer first(world.input.memory(), 1);
    for (std::uint64_t i = 0; i < 3; ++i) send_number(first, i);
    Child child(world.done, [&] { send_number(first, first.next_sequence()); });
    const bool more = child.step(steps);
    world.input.supervisor.producer_generation = 2;
    feed(world.input, kFrames);
    child.go_on();
    verdict += drain(world.input);
    return more;
  });
}

/// The same, but stopped between two frames, or on its way to the next.
Sum stopped_between_frames(World& world, std::uint64_t) {
  return each_point(world, 1, [&](std::uint64_t steps, Verdict& verdict) {
    world.input.supervisor.producer_generation = 1;
    RingProducer first(world.input.memory(), 1);
    for (std::uint64_t i = 0; i < 3; ++i) send_number(first, i);
    std::atomic<int>& looked = world.processed;
    Child child(world.done, [&] {
      looked = 1;
      for (std::uint64_t i = 0; i < 100; ++i) send_number(first, 3 + i);
    });
    while (looked == 0) (void)child.step();
    (void)child.step(steps);
    world.input.supervisor.producer_generation = 2;
    feed(world.input, kFrames);
    child.go_on();
    verdict += drain(world.input);
    return steps < 3;  // no further than the call of claim
  });
}

constexpr ChannelScenario kScenarios[] = {
    {"publish to a sleeper, with its bell", publish_to_a_sleeper<true>},
    {"producer falls asleep on a full ring", producer_falls_asleep},
    {"producer attaches, its predecessor asleep", producer_attaches},
    {"release to a sleeping producer", make_room_for_a_sleeper<Way::kRelease>},
    {"flush to a sleeping producer", make_room_for_a_sleeper<Way::kFlush>},
    {"consumer falls asleep", consumer_falls_asleep},
    {"consumer attaches, its predecessor asleep", consumer_attaches},
    {"stopped between frames, replaced, woken", stopped_between_frames},
    {"control: no bell at attach", publish_without_the_bell_at_attach, true},
    {"control: replaced without a kill", replaced_without_a_kill, true},
};

}  // namespace

std::span<const ChannelScenario> channel_scenarios() { return kScenarios; }

}  // namespace prot::ipc::test
