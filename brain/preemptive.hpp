#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "language_model.hpp"

namespace prot::brain {

/// Asks the model on a guess at what the person said, at a pause, before the turn is sure to be over. What
/// comes is held back: nothing is spoken, nothing is kept. When the person's final words make the same
/// request, byte for byte, the answer is taken over where it is; else it was for nothing. Never behind a
/// tool's result, at most kMostTries times for one utterance, and by itself only with a model on this
/// machine. One thread.
class Preemptive {
 public:
  static constexpr int kMostTries = 3;
  enum class When { kAuto, kOn, kOff };
  struct Taken {
    RequestId id = 0;
    std::vector<ModelEvent> events;  // what has come so far; their stamps are those of arrival
    bool over = false;               // kDone or kError is among them
  };

  Preemptive(LanguageModel& model, When when) : model_(&model), when_(when) {}

  /// A new utterance: its tries are counted anew.
  void begin();
  /// May a guess be tried?
  [[nodiscard]] bool may_try(const Request& request) const;
  /// Tries it, in the place of an older guess. Nothing when the same one is under way.
  void propose(const Request& request, Nanos now);
  /// True: the event is one of a guess, or of the past.
  bool on_event(const ModelEvent& event);
  /// The final request: what is under way, when it is the same. Else empty, and the guess is cancelled.
  [[nodiscard]] std::optional<Taken> take(const Request& request);
  void cancel();

  [[nodiscard]] bool running() const noexcept { return id_ != 0 && !over_; }
  /// There is a guess, and perhaps its answer.
  [[nodiscard]] bool asked() const noexcept { return id_ != 0; }
  [[nodiscard]] std::uint64_t tried() const noexcept { return tried_; }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_; }

 private:
  LanguageModel* model_;
  When when_;
  RequestId id_ = 0;
  std::string key_;  // of the request under way
  std::vector<ModelEvent> events_;
  bool over_ = false;
  int tries_ = 0;  // of this utterance
  std::uint64_t tried_ = 0;
  std::uint64_t used_ = 0;
};

[[nodiscard]] Preemptive::When preemptive_when(const std::string& choice) noexcept;

/// Two requests with the same key get the same answer: all that the model is given, byte for byte.
[[nodiscard]] std::string request_key(const Request& request);

}  // namespace prot::brain
