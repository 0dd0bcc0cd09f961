#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "queue/database_task.hpp"
#include "queue/worker.hpp"

namespace prot::memory {

/// Takes waiting exchanges to the model, one at a time, when nobody needs it for talking.
///
///   state    | step: quiet long enough | step: busy / not allowed   | claimed          | answered       |
///   closed waiting  | ask to claim -> claiming | -                          | -                | - | -
///   claiming | -                        | -                          | job -> asking,   | -              | -
///            |                          |                            | none -> waiting  |                |
///   asking   | -                        | cancel the model           | -                | tell -> closing |
///   - closing  | -                        | -                          | -                | -              |
///   waiting
///
/// "tell": Finish with the answer; one that is not as asked is asked for once more, with what was wrong;
/// GiveBack when it was cancelled or the model cannot be reached (the attempt does not count); Fail with
/// back-off when it answered badly, dead after kMaxAttempts. Not thread-safe (the loop's thread).
class Extractor {
 public:
  struct Ports {
    std::function<void(Ask)> database;
    std::function<void(ModelWorker::Question)> start_model;
    std::function<void()> cancel_model;
  };
  enum class State { kWaiting, kClaiming, kAsking, kClosing };

  /// `batch`: exchanges that one question may be about.
  Extractor(Ports ports, Nanos idle, int batch = 1) : ports_(std::move(ports)), idle_(idle), batch_(batch) {}

  /// Once in a duty cycle. `quiet_since`: when talking ended; kNever while it goes on. `ready`: jobs in the
  /// queue, as last heard. Talking that begins ends what the model is doing.
  void step(Nanos now, Nanos quiet_since, std::uint64_t ready);
  void claimed(Nanos now, std::optional<Job> job);
  void answered(Nanos now, const ModelWorker::Answer& answer);
  /// Facts are others than before: communities may be, too. They are summed up when no exchange waits.
  void facts_changed() noexcept { facts_changed_ = true; }
  void claimed_community(std::optional<CommunityTask> task);
  void closed() noexcept { state_ = State::kWaiting; }

  /// At once, without the model's answer: the process ends.
  void hand_back();
  /// From now on without waiting for quiet or for a job's due time, until `deadline` or until none is left.
  /// Again: an earlier deadline counts.
  void drain(Nanos deadline) noexcept;
  [[nodiscard]] bool drained(Nanos now) const noexcept;
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] Nanos next_deadline(Nanos now, Nanos quiet_since, std::uint64_t ready) const noexcept;

  static constexpr int kMaxAttempts = 4;

 private:
  [[nodiscard]] bool allowed(Nanos now, Nanos quiet_since) const noexcept;
  [[nodiscard]] Nanos pause_after(const ModelWorker::Answer& answer) noexcept;
  void give_back();
  void summarized(Nanos now, const ModelWorker::Answer& answer);
  [[nodiscard]] bool plans(Nanos now) const noexcept { return facts_changed_ && now >= next_plan_; }
  [[nodiscard]] bool sums_up(Nanos now) const noexcept { return summaries_wanted_ || plans(now); }
  void ask(std::string question);

  Ports ports_;
  Nanos idle_;
  int batch_;
  State state_ = State::kWaiting;
  Job job_;
  std::optional<CommunityTask> task_;  // in the place of a job
  bool summaries_wanted_ = false;      // the generation that is built is not whole
  bool facts_changed_ = false;
  Nanos next_plan_ = 0;
  bool cancelling_ = false;
  bool repaired_ = false;  // the model was told once what was wrong with its answer
  bool draining_ = false;
  bool claimed_all_ = false;  // the last claim did not look at due times
  bool exhausted_ = false;    // drain: nothing more to claim, or the model is of no use
  Nanos drain_deadline_ = kNever;
  Nanos retry_at_ = 0;
  int away_ = 0;  // how often in a row the model could not be reached
};

}  // namespace prot::memory
