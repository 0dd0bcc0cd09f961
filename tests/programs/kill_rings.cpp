// The operations of the ring itself, each as the process does it that will be killed, and its successor's
// part.
#include <memory>

#include "tests/support/kill_sweep.hpp"

namespace prot::ipc::test {
namespace {

using Operation = std::function<void()>;

constexpr std::uint64_t kWrap = kCapacity - 512;          // the next record does not fit before the end
constexpr std::uint64_t kFourthWraps = kCapacity - 3584;  // three do
constexpr std::uint64_t kFed = 6;                         // frames of each of two inputs

// ---- producer

void three_sent(World& world) { feed(world.input, 3); }

// A predecessor that died between its slot and its tail left a slot that is ahead.
void slot_ahead(World& world) {
  three_sent(world);
  RingProducerPage& page = world.input.producer;
  ResumeSlot& other = page.slot[page.slot[0].end == page.tail ? 1 : 0];
  other.end = page.tail + 64;
  other.sequence = 77;
}

Operation attach_producer(World& world) {
  return [&] { (void)RingProducer(world.input.memory()); };
}

Operation send_one(World& world) {
  auto producer = std::make_shared<RingProducer>(world.input.memory());
  return [producer] { send_number(*producer, producer->next_sequence()); };
}

// The copy of head that the producer keeps says "full", the real one does not.
Operation send_into_a_full_ring(World& world) {
  auto producer = std::make_shared<RingProducer>(world.input.memory());
  while (send_number(*producer, producer->next_sequence() % kFrames)) {
  }
  world.input.consumer.head = world.input.producer.tail.load();
  return [producer] { send_number(*producer, 0); };
}

Verdict finish_sending(World& world) {
  feed(world.input, kFrames);
  return drain(world.input);
}

Verdict finish_sending_more(World& world) {
  // All but what the operation sent was released; what it sent is one frame of number 0, or nothing.
  if (world.input.producer.tail == world.input.consumer.head) {
    RingProducer successor(world.input.memory());
    send_number(successor, 0);
  }
  return drain(world.input, 0, 1);
}

// ---- consumer

void all_sent(World& world) {
  feed(world.input, kFrames);
  world.input.producer.slot[0].source[5] = world.input.consumer.head + 1;  // where it began, for the oracle
  world.input.producer.slot[1].source[5] = world.input.consumer.head + 1;
}

bool released_nothing(World& world) {
  return world.input.consumer.head + 1 == world.input.producer.slot[0].source[5];
}

Operation attach_consumer(World& world) {
  return [&] { (void)RingConsumer(world.input.memory()); };
}

Operation take_one(World& world) {
  auto consumer = std::make_shared<RingConsumer>(world.input.memory());
  return [&world, consumer] {
    FrameInfo info;
    std::span<const std::byte> payload;
    if (consumer->peek(info, payload) != TakeResult::kFrame) return;
    world.processed = is_right(payload, info.sequence) ? 1 : -1;
    consumer->release(1);
  };
}

Operation release_two_of_three(World& world) {
  auto consumer = std::make_shared<RingConsumer>(world.input.memory());
  FrameInfo info;
  std::span<const std::byte> payload;
  for (int i = 0; i < 3; ++i)
    if (consumer->peek(info, payload) != TakeResult::kFrame) die("no frame to take");
  world.processed = 1;
  return [consumer] { consumer->release_through(1, 1); };
}

template <std::uint64_t taken>
Verdict finish_taking(World& world) {
  const bool nothing = released_nothing(world);
  Verdict verdict = drain(world.input, nothing ? 0 : taken);
  if (world.processed < 0) ++verdict.torn;
  if (!nothing && world.processed == 0) ++verdict.lost;  // released before the work was done
  return verdict;
}

// Frames 0 to 4 are of a cancelled turn, the others of the next.
void five_stale(World& world) {
  feed(world.input, 5, 1);
  feed(world.input, kFrames, 2);
}

Operation flush(World& world) {
  auto consumer = std::make_shared<RingConsumer>(world.input.memory());
  FrameInfo info;
  std::span<const std::byte> payload;
  if (consumer->peek(info, payload) != TakeResult::kFrame) die("no frame to flush");
  return [consumer] { (void)consumer->release_stale(1, 1); };
}

Verdict finish_flushing(World& world) {
  RingConsumer successor(world.input.memory());
  FrameInfo info;
  std::span<const std::byte> payload;
  Verdict verdict;
  if (successor.peek(info, payload) != TakeResult::kFrame) ++verdict.lost;
  if (info.turn == 1 && successor.release_stale(1, 1) != 5 - info.sequence) ++verdict.stuck;
  verdict += drain(world.input, 5);
  return verdict;
}

// ---- a stage

void input_full(World& world) { feed(world.input, kFrames); }

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
Operation step_once(World& world) {
  return [&] { stage_step(world, order, resume); };
}

template <Order order, bool resume>
Verdict finish_stage(World& world) {
  for (std::uint64_t i = 0; i < 2 * kFrames && stage_step(world, order, resume); ++i) {
  }
  return drain(world.output);
}

void both_inputs_full(World& world) {
  feed(world.input, kFed);
  feed(world.second, kFed);
}

/// A stage with two inputs and one output that takes from each in turn. What comes out is 2 * sequence, + 1
/// for the second.
bool two_input_step(World& world, bool cover_both = true) {
  RingConsumer inputs[] = {RingConsumer(world.input.memory()), RingConsumer(world.second.memory())};
  RingProducer output(world.output.memory());
  const Sources covered = output.resume_sources();
  for (std::size_t i = 0; i < 2; ++i)
    if (covered.seq[i] > 0) inputs[i].skip_through(covered.seq[i] - 1, 1);
  // A stage that forgets its second input's source goes by what it has released.
  const bool second =
      cover_both ? covered.seq[0] > covered.seq[1] : covered.seq[0] * 2 > output.next_sequence();
  RingConsumer& input = inputs[second ? 1 : 0];
  FrameInfo info;
  std::span<const std::byte> payload;
  if (input.peek(info, payload) != TakeResult::kFrame) return false;
  const bool right = is_right(payload, info.sequence);
  Sources sources;
  if (!second || cover_both) sources.seq[second ? 1 : 0] = info.sequence + 1;
  send_number(output, right ? 2 * info.sequence + (second ? 1 : 0) : 2 * kFed, sources);
  input.release(1);
  return true;
}

template <bool cover_both>
Operation step_of_each(World& world) {
  return [&] {
    two_input_step(world, cover_both);
    two_input_step(world, cover_both);
  };
}

template <bool cover_both>
Verdict finish_two_inputs(World& world) {
  for (std::uint64_t i = 0; i < 4 * kFed && two_input_step(world, cover_both); ++i) {
  }
  return drain(world.output, 0, 2 * kFed);
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

Operation gather(World& world) {
  return [&] { gather_three(world); };
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

// ---- controls

/// A producer that lets the frame appear before it is written. The right record is made aside, so that only
/// the order is wrong.
Operation send_tail_first(World& world) {
  static SharedRing aside;
  std::memcpy(static_cast<void*>(&aside), static_cast<const void*>(&world.input), sizeof aside);
  RingProducer producer(aside.memory());
  const std::uint64_t begin = aside.producer.tail;
  send_number(producer, producer.next_sequence());
  return [&ring = world.input, begin, size = aside.producer.tail - begin] {
    for (int i = 0; i < 2; ++i) {
      ring.producer.slot[i].end = aside.producer.slot[i].end.load();
      ring.producer.slot[i].sequence = aside.producer.slot[i].sequence.load();
    }
    ring.producer.tail = aside.producer.tail.load();
    std::memcpy(ring.data + begin, aside.data + begin, size);
  };
}

constexpr auto kGood = Order::kPublishThenRelease;
constexpr auto kBad = Order::kReleaseThenPublish;

constexpr Scenario kScenarios[] = {
    {"producer attaches", 0, slot_ahead, attach_producer, finish_sending},
    {"send", 0, three_sent, send_one, finish_sending},
    {"send over the wrap", kFourthWraps, three_sent, send_one, finish_sending},
    {"send after the ring was full", kWrap, [](World&) {}, send_into_a_full_ring, finish_sending_more},
    {"consumer attaches", 0, all_sent, attach_consumer, finish_taking<0>},
    {"take and release", 0, all_sent, take_one, finish_taking<1>},
    {"take and release over the wrap", kWrap, all_sent, take_one, finish_taking<1>},
    {"release two of three in hand", kWrap, all_sent, release_two_of_three, finish_taking<2>},
    {"flush of stale frames", 0, five_stale, flush, finish_flushing},
    {"flush of stale frames over the wrap", kFourthWraps, five_stale, flush, finish_flushing},
    {"stage step, one input", 0, input_full, step_once<kGood, true>, finish_stage<kGood, true>},
    {"stage step, one input, over the wrap", kWrap, input_full, step_once<kGood, true>,
     finish_stage<kGood, true>},
    {"stage step, two inputs", 0, both_inputs_full, step_of_each<true>, finish_two_inputs<true>},
    {"stage step, two inputs, over the wrap", kWrap, both_inputs_full, step_of_each<true>,
     finish_two_inputs<true>},
    {"three frames in hand, one answer", kWrap, input_full, gather, finish_gathering},
    {"control: release before publish", 0, input_full, step_once<kBad, true>, finish_stage<kBad, true>, true},
    {"control: no resume slot", 0, input_full, step_once<kGood, false>, finish_stage<kGood, false>, true},
    {"control: second input not covered", 0, both_inputs_full, step_of_each<false>, finish_two_inputs<false>,
     true},
    {"control: tail before payload", 0, three_sent, send_tail_first, finish_sending, true},
};

}  // namespace

std::span<const Scenario> ring_scenarios() { return kScenarios; }

}  // namespace prot::ipc::test
