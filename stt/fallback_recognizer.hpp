#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/back_off.hpp"
#include "speech_recognizer.hpp"

namespace prot::stt {

struct FallbackSettings {
  Nanos patience = 2'500 * kMillisecond;  // for an answer, while another engine is left
  Nanos first_probe = 2 * kSecond;        // after a failure
  Nanos longest_probe = 60 * kSecond;     // the pause between two probes doubles up to this
  Nanos probe_patience = 8 * kSecond;
};

/// Several engines as one: the first that works recognises. The audio of an utterance is kept, so that the
/// next one has all of it when an engine fails.
///
///   engine  | asked by                                       | left by
///   alive   | every utterance, in the order of the list      | a failure, or no answer for the time -> dead
///   dead    | half a second of noise, while nothing is said; | an answer -> alive
///           | an utterance only when no engine is alive      |
///
/// One that answered noise is on trial (BackOff): who then fails words is left alone for longer than before.
/// A failure that passes is tried once more where there is time for it, before the next engine. Threads: the
/// caller's. Invariants: an engine is asked for an utterance once (or once more); what is probed is never at
/// work. Lifetime: `clock` must outlive it.
class FallbackRecognizer final : public SpeechRecognizer {
 public:
  /// REQUIRES: at least one engine.
  FallbackRecognizer(std::vector<std::unique_ptr<SpeechRecognizer>> engines, FallbackSettings settings,
                     const Clock& clock);

  void begin() override;
  void push(std::span<const std::int16_t> samples) override;
  [[nodiscard]] bool guess() override;
  void retract() override;
  void finish() override;
  void set_busy(bool busy) noexcept override;
  void expect(const std::vector<std::string>& names) override;
  [[nodiscard]] std::optional<Recognition> poll() override;
  [[nodiscard]] Nanos next_deadline() const override;
  /// "NAME", of another than the first "NAME (fallback)".
  [[nodiscard]] std::string_view name() const noexcept override { return shown_; }

 private:
  enum class Wanted { kNothing, kGuess, kFinal };
  struct Member {
    std::unique_ptr<SpeechRecognizer> engine;
    BackOff back_off;
    Nanos probe_until = 0;  // 0: none under way
  };

  [[nodiscard]] Member& at_work() noexcept { return members_[at_]; }
  [[nodiscard]] std::size_t next() const noexcept;
  [[nodiscard]] Nanos quiet_at() const noexcept;
  void use(std::size_t member);
  void take_back();
  void ask(Wanted what, Nanos now);
  void on_answer(Recognition answer, Nanos now);
  void on_failure(Recognition answer, Nanos now);
  static void on_probe(Member& member, bool answered, Nanos now);
  static void break_probe(Member& member, Nanos now);
  void look_at_time(Nanos now);
  void failed(std::size_t member, FailureClass failure, const std::string& why, Nanos now);
  void show();

  const FallbackSettings settings_;
  const Clock& clock_;
  std::vector<Member> members_;
  std::string shown_;

  std::size_t at_ = 0;       // the one at work
  std::uint32_t asked_ = 0;  // bit for each member that had this utterance
  bool retried_ = false;
  std::vector<std::int16_t> audio_;  // of the utterance
  Wanted wanted_ = Wanted::kNothing;
  Nanos asked_at_ = 0;
  Nanos used_at_ = 0;  // the last time that something was said, or asked
  std::deque<Recognition> answers_;
};

}  // namespace prot::stt
