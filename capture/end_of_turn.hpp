#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "end_of_turn_model.hpp"
#include "turn_wait.hpp"

namespace prot::capture {

/// When the person's turn has ended: keeps what the turn sounds like, asks the model at each pause and again
/// when the pause goes on, takes what the words say, grades the wait by both and learns from the pauses.
/// Never waits for the model. One thread (the loop). Invariant: without a model, or with one that has failed,
/// and without words, silence alone decides.
class EndOfTurn {
 public:
  static constexpr unsigned kAskAgain = 10;  // windows of further silence

  /// `model`: null for silence alone.
  EndOfTurn(const TurnWaitSettings& settings, std::unique_ptr<EndOfTurnModel> model);

  /// A turn begins, `silence` windows behind the speech before it. `answered`: prot spoke in between.
  void begin(unsigned silence, bool answered);
  /// The turn's samples, its silences too.
  void hear(std::span<const std::int16_t> samples);
  /// Silence has become a pause, `silence` windows long by now. `words`: what was said is being recognised.
  void pause(unsigned silence, bool words);
  /// What the words before this pause say.
  void read(wire::Ending ending) noexcept { wait_.read(ending); }
  /// The pause was `silence` windows long.
  void resume(unsigned silence);
  /// `waited`: the wait was over; else the turn was cut off (cap, drain, lost device) or was none.
  void end(bool waited);

  /// Once a window, in a pause that is `silence` windows long by now: how long it must become to end the
  /// turn.
  [[nodiscard]] unsigned wait(unsigned silence);

  [[nodiscard]] TurnWait& turn_wait() noexcept { return wait_; }
  /// The model's newest answer in this pause.
  [[nodiscard]] std::optional<float> probability() const noexcept { return wait_.probability(); }
  [[nodiscard]] std::uint64_t answers() const noexcept { return answers_; }
  /// Of the model; empty: none.
  [[nodiscard]] std::string_view name() const noexcept { return model_ ? model_->name() : ""; }

 private:
  void ask(unsigned silence);
  void take_answer();
  void forget_question() noexcept;
  [[nodiscard]] bool has_model() const noexcept { return model_ && !model_->failed(); }

  const unsigned longest_;
  TurnWait wait_;
  std::unique_ptr<EndOfTurnModel> model_;
  std::vector<std::int16_t> heard_;  // the newest of the turn; twice the model's reach at most
  unsigned asked_at_ = 0;            // windows of silence
  bool asking_ = false;
  bool waited_ = false;  // the last turn's end
  std::uint64_t answers_ = 0;
};

}  // namespace prot::capture
