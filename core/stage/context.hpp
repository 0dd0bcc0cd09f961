#pragma once

#include <string_view>
#include <vector>

#include "ipc/board.hpp"
#include "ipc/channel.hpp"
#include "stage/environment.hpp"
#include "stage/event_loop.hpp"

namespace prot::stage {

/// What a stage works with: its rings, the board, the loop, the clock, its configuration.
/// One thread (the loop's) but for bell() and clock(). Lives longer than the stage.
class StageContext {
 public:
  /// Attaches to the run's segments. Throws Error.
  StageContext(StageEnvironment environment, const Clock& clock);

  /// REQUIRES: the topology gives this stage that ring.
  [[nodiscard]] ipc::Input& input(std::string_view ring);
  [[nodiscard]] ipc::Output& output(std::string_view ring);
  /// All of them, in table order.
  [[nodiscard]] std::vector<ipc::Output>& outputs() noexcept { return outputs_; }
  /// Index of an input ring in Sources.
  [[nodiscard]] std::size_t input_index(std::string_view ring) const;

  [[nodiscard]] ipc::Board& board() noexcept { return board_; }
  /// A labelled counter or gauge on this stage's page.
  [[nodiscard]] ipc::Word& counter(std::string_view label) { return board_.counter(program_, label); }
  /// Shown by status and prot-top; may change while the stage runs.
  void set_engine(std::string_view name);
  /// One line for `prot status`, to the supervisor; it gets the newest. Nothing where there is none.
  void say_status(std::string_view line) const;
  [[nodiscard]] ipc::Drain drain() const noexcept;

  /// This stage's own bell: a backend's worker thread rings it when it has something. Thread-safe.
  [[nodiscard]] const ipc::Doorbell& bell() const noexcept { return *bell_; }
  /// Wakes another stage without a frame (cancel, hold).
  void ring(std::string_view stage) const noexcept;

  [[nodiscard]] EventLoop& loop() noexcept { return loop_; }
  [[nodiscard]] const Clock& clock() const noexcept { return *clock_; }
  [[nodiscard]] const Config& config() const noexcept { return environment_.config; }
  [[nodiscard]] const StageEnvironment& environment() const noexcept { return environment_; }
  /// Its index on the board.
  [[nodiscard]] std::size_t program() const noexcept { return program_; }
  [[nodiscard]] ipc::StagePage& page() noexcept { return board_.stage(program_); }

  /// Throws Error when the supervisor has given this stage's place to another process: one that was stopped
  /// and slept through it.
  void require_current() const;

  // The runner's part of the wake protocol (ipc/doorbell.hpp).
  void disarm() noexcept;
  /// A last look before a busy stage sleeps, about a microsecond later. True: a frame came.
  [[nodiscard]] bool last_look() const noexcept;
  /// Arms every ticket. False: something came meanwhile, do not sleep.
  [[nodiscard]] bool arm() noexcept;
  void count_wakes(bool timed_out) noexcept;

 private:
  StageEnvironment environment_;
  const Clock* clock_;
  ipc::Board board_;
  std::size_t program_ = 0;
  const ipc::Doorbell* bell_ = nullptr;
  EventLoop loop_;
  std::vector<ipc::Input> inputs_;
  std::vector<ipc::Output> outputs_;
};

}  // namespace prot::stage
