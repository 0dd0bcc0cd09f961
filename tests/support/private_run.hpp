#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/board.hpp"
#include "ipc/channel.hpp"
#include "stage/context.hpp"

namespace prot::test {

/// The shared memory of one run, real but private, with one stage of it in the test's hands: its rings and
/// the board, and the other end of each ring. Everything is unlinked at the end. Not thread-safe.
class PrivateRun {
 public:
  /// `overrides`: "key=value"; `capacities`: of rings that shall be smaller than in the topology.
  PrivateRun(std::string stage, const Clock& clock, std::vector<std::string> overrides = {},
             const std::map<std::string, std::uint64_t>& capacities = {});
  PrivateRun(const PrivateRun&) = delete;
  PrivateRun& operator=(const PrivateRun&) = delete;
  ~PrivateRun();

  /// What the runner would give the stage. Again after the last one is gone: a restart, with the next
  /// generation.
  [[nodiscard]] std::unique_ptr<stage::StageContext> attach();

  /// The peer's end of a ring that the stage reads, or writes.
  [[nodiscard]] ipc::Output& into(std::string_view ring) { return *outputs_.at(std::string(ring)); }
  [[nodiscard]] ipc::Input& from(std::string_view ring) { return *inputs_.at(std::string(ring)); }

  /// The board as its writers see it.
  [[nodiscard]] ipc::Board& board_of(std::string_view writer) { return boards_.at(std::string(writer)); }
  void set_drain(ipc::Drain drain) {
    board_of("supervisor").supervisor().drain.store(static_cast<std::uint32_t>(drain));
  }
  /// A counter on the stage's page.
  [[nodiscard]] std::uint64_t counter(std::string_view label);
  /// As the supervisor does it before it starts that generation; nobody is assigned unless it is called.
  void assign(std::uint32_t generation);
  [[nodiscard]] const ipc::RingMemory& ring(std::string_view name) const {
    return segments_.at(std::string(name)).memory();
  }
  /// Nobody will write to, or read from, this ring any more.
  void close_producer(std::string_view ring);
  void close_consumer(std::string_view ring);

 private:
  std::string stage_;
  const Clock& clock_;
  std::vector<std::string> overrides_;
  std::string instance_;
  std::uint32_t generation_ = 0;
  std::vector<std::string> names_;  // of segments
  std::map<std::string, ipc::Doorbell> bells_;
  std::map<std::string, ipc::Board> boards_;
  std::map<std::string, ipc::RingSegment> segments_;  // as the supervisor has them
  std::map<std::string, std::unique_ptr<ipc::Output>> outputs_;
  std::map<std::string, std::unique_ptr<ipc::Input>> inputs_;
};

}  // namespace prot::test
