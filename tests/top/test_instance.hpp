#pragma once

#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/board.hpp"
#include "ipc/shm_segment.hpp"
#include "observed.hpp"

namespace prot::top::test {

/// One ring of a TestInstance with both its ends in the test's hands.
struct TestRing {
  explicit TestRing(const std::string& shm_name, const ipc::RingSpec& spec, const std::string& run)
      : supervisor(ipc::RingSegment::create(shm_name, spec, run)),
        producer_side(ipc::RingSegment::open(shm_name, ipc::Role::kProducer)),
        consumer_side(ipc::RingSegment::open(shm_name, ipc::Role::kConsumer)),
        producer(producer_side.memory()),
        consumer(consumer_side.memory()) {}

  ipc::PublishResult publish(std::string_view payload, Nanos now, std::uint8_t kind = 2,
                             std::uint32_t turn = 0) {
    ipc::FrameInfo info;
    info.kind = kind;
    info.turn = turn;
    info.made_ns = now;
    return producer.publish(info, std::as_bytes(std::span(payload)), {}, now);
  }
  /// Looks at the next frame, as a stage's Input does.
  bool take(Nanos now) {
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    if (consumer.peek(info, payload) != ipc::TakeResult::kFrame) return false;
    consumer_page().last_take_ns.store(static_cast<std::uint64_t>(now));
    return true;
  }
  bool pass_on(Nanos now) {
    if (!take(now)) return false;
    consumer.release(now);
    return true;
  }
  [[nodiscard]] ipc::RingProducerPage& producer_page() const { return *producer_side.memory().producer; }
  [[nodiscard]] ipc::RingConsumerPage& consumer_page() const { return *consumer_side.memory().consumer; }

  ipc::RingSegment supervisor;
  ipc::RingSegment producer_side;
  ipc::RingSegment consumer_side;
  ipc::RingProducer producer;
  ipc::RingConsumer consumer;
};

/// The segments of one run, real, without a process behind them: this process plays the supervisor and every
/// stage. Unlinked at the end unless left. Not thread-safe.
class TestInstance {
 public:
  explicit TestInstance(std::string name, std::string run_id = "run1")
      : instance(std::move(name)),
        run(std::move(run_id)),
        supervisor(ipc::Board::create(instance, run, {"capture", "stt", "brain", "player"})) {
    supervisor.supervisor().pid.store(static_cast<std::uint64_t>(::getpid()));
    supervisor.supervisor().start_time.store(
        process_facts(static_cast<std::uint64_t>(::getpid()))->start_ticks);
    supervisor.supervisor().started_wall_ns.store(static_cast<std::uint64_t>(wall_now()));
    supervisor.supervisor().heartbeat_ns.store(static_cast<std::uint64_t>(monotonic_now()));
    add_ring("mic", "capture", "stt", ipc::Policy::kDropNewest);
    add_ring("transcript", "stt", "brain", ipc::Policy::kBlock);
    add_ring("playback", "player", "brain", ipc::Policy::kKeepLatest);
  }
  TestInstance(const TestInstance&) = delete;
  TestInstance& operator=(const TestInstance&) = delete;
  ~TestInstance() {
    if (!left_) remove();
  }

  void remove() {
    for (const auto& [name, ring] : rings_) ipc::unlink_segment(segment(name));
    ipc::unlink_segment(segment("board"));
  }
  /// The segments stay, as those of a supervisor that was killed.
  void leave() { left_ = true; }

  [[nodiscard]] std::string segment(const std::string& what) const {
    return ipc::segment_name(instance, run, what);
  }
  [[nodiscard]] TestRing& ring(const std::string& name) { return *rings_.at(name); }
  [[nodiscard]] ipc::ProgramEntry& program(std::string_view stage) {
    return supervisor.supervisor().programs[supervisor.find(stage)];
  }
  /// The board as that stage has it.
  [[nodiscard]] ipc::Board board_of(const std::string& stage) {
    return ipc::Board::open(segment("board"), stage);
  }

  void start(std::string_view stage, std::uint32_t pid, Nanos now) {
    ipc::ProgramEntry& entry = program(stage);
    entry.pid.store(pid);
    entry.generation.fetch_add(1);
    entry.started_ns.store(static_cast<std::uint64_t>(now));
    entry.state.store(static_cast<std::uint32_t>(ipc::ProgramState::kReady));
  }

  std::string instance;
  std::string run;
  ipc::Board supervisor;

 private:
  void add_ring(const std::string& name, const std::string& producer, const std::string& consumer,
                ipc::Policy policy) {
    ipc::RingSpec spec;
    spec.name = name;
    spec.producer = producer;
    spec.consumer = consumer;
    spec.id = static_cast<std::uint32_t>(rings_.size()) + 1;
    spec.capacity = 65536;
    spec.max_frame = 4096;
    spec.policy = policy;
    rings_[name] = std::make_unique<TestRing>(segment(name), spec, run);
  }

  std::map<std::string, std::unique_ptr<TestRing>> rings_;
  bool left_ = false;
};

/// A name of this test process, so that test runs side by side do not meet.
inline std::string own_name(std::string_view what) {
  return "toptest" + std::to_string(::getpid()) + "-" + std::string(what);
}

}  // namespace prot::top::test
