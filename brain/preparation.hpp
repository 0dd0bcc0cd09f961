#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "parts.hpp"

namespace prot::brain {

/// What is got ready while the person still speaks: memory's answer to the words so far, the dynamic part of
/// the prompt, and the server's cache. Nothing here is waited for longer than `recall_wait`. One thread.
class Preparation {
 public:
  Preparation(Parts& parts, Nanos recall_wait) : parts_(parts), recall_wait_(recall_wait) {}

  /// The person begins to speak: the time in the prompt is fixed for what is said now.
  void begin(Nanos now);
  /// The person paused, behind speech that ended at `speech_end`: a partial transcript up to there is then a
  /// guess at the whole, whichever of both is known first.
  void paused(Nanos speech_end);
  /// The person speaks on: the guess was wrong.
  void resumed();
  /// The words up to `speech_end`: memory is asked, and with its answer the model on a guess, else the cache
  /// is warmed.
  void on_partial(const std::string& words, Nanos speech_end, Nanos now);
  /// The words are complete: memory is asked, unless it was for the same words.
  void on_final(const std::string& words, Nanos now);
  /// A restarted brain waits for the conversation before it answers.
  void await_history(Nanos until);
  void on_history() noexcept { awaiting_history_ = false; }
  /// Memory has answered, or its time is over.
  [[nodiscard]] bool complete(Nanos now) const;
  /// Warms the server's cache with the history and, when known, `words`.
  void warm_up(std::string_view words, Nanos now);
  /// The dynamic part of the prompt.
  [[nodiscard]] std::string context(bool with_memory);
  /// The turn is over.
  void reset();
  /// Nothing comes of what the person said.
  void give_up() { parts_.preemptive.cancel(); }

  /// `quiet`: no reply is under way.
  void tick(bool quiet, Nanos now);
  /// `waiting`: a reply waits for complete().
  [[nodiscard]] Nanos next_deadline(bool waiting) const noexcept;

 private:
  void ask_memory(const std::string& words, Nanos now);
  /// Asks the model already, on a guess that recall_words_ are all. False: that may not be.
  bool guess(Nanos now);
  [[nodiscard]] Conversation& conversation() {
    return parts_.conversations.at(parts_.journal.conversation());
  }

  Parts& parts_;
  Nanos recall_wait_;
  std::uint64_t recall_ = 0;        // request number of memory; 0: not asked
  std::uint64_t first_recall_ = 0;  // the first one of these words
  Nanos recall_until_ = 0;
  std::string recall_words_;  // what it was asked for
  Nanos words_end_ = 0;       // the end of the speech that these are the words of
  bool warm_up_due_ = false;  // when memory has answered
  bool paused_ = false;
  bool awaiting_history_ = false;
  Nanos context_wall_ = 0;  // the time in the prompt; 0: not fixed
};

}  // namespace prot::brain
