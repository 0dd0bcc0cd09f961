#pragma once

#include <cstdint>

#include "backchannels.hpp"
#include "base/clock.hpp"
#include "wire/speech_in.hpp"

namespace prot::brain {

struct BargeInSettings {
  bool enabled = true;
  bool separable = false;  // the output cannot reach the microphone, or is taken out of what it hears
  Nanos grace = 300 * kMillisecond;      // of a reply's first moment, in which new speech is prot's own voice
  Nanos sustained = 700 * kMillisecond;  // speech this long interrupts when its words do not come
  Nanos notice = 300 * kMillisecond;     // so much later it is known that speech has stopped
  Nanos hold = 2 * kSecond;              // the reply goes on this long after the person fell silent
};

/// What the decision needs to know of the reply.
struct ReplyView {
  bool under_way = false;
  Nanos audible_at = 0;  // first sample at the loudspeaker; 0: silent so far
};

enum class BargeAction { kNone, kHold, kRelease, kCancel };

/// Decides whether the person interrupts. The first sign of speech holds the reply: the player is silent at
/// once and keeps its place, so that waiting for proof costs nothing. Proof cancels it, for good; a false
/// alarm lets it go on where it stopped.
///
///   of an utterance                      | held until              | cancelled
///   speech goes on                       | `hold` after its sign   | when as much as a `hold` of it is sure
///   silence, no words known              | `hold` after its end    | at that time, when it was `sustained`
///   words: a backchannel, nothing; noise | released                | -
///   words: a stop word, others           | -                       | at once
///
/// So a long "uh-huh, right right" or a noise lets the reply go on: its words are known within the hold.
/// Silence between stretches of speech counts neither for nor against. Speech counts when it began before
/// anything was audible; later only when prot's own voice can be told from it, and behind the grace. A
/// reply that begins while the person speaks begins held. All times are those of the microphone's clock.
/// One thread, no clock of its own. Invariant: a hold has an end.
class BargeIn {
 public:
  explicit BargeIn(const BargeInSettings& settings) : settings_(settings) {}

  BargeAction on_hearing(std::uint32_t utterance, const wire::Hearing& hearing, const ReplyView& reply,
                         Nanos now) noexcept;
  /// A transcript, also when no reply is under way: what is known of an utterance ends with its `final` one.
  BargeAction on_words(std::uint32_t utterance, Words words, bool final, Nanos speech_start,
                       const ReplyView& reply, Nanos now) noexcept;
  /// Marks may be missing: nobody speaks, as far as is known.
  BargeAction on_gap(const ReplyView& reply, Nanos now) noexcept;
  /// The time, or the reply, has changed.
  BargeAction tick(const ReplyView& reply, Nanos now) noexcept { return judge(reply, now); }
  /// When tick() has something to do.
  [[nodiscard]] Nanos deadline(const ReplyView& reply) const noexcept;
  /// A predecessor's hold is on the board.
  void adopt(Nanos hold_until, Nanos now) noexcept;

  [[nodiscard]] bool suspected() const noexcept { return hold_until_ != 0; }
  [[nodiscard]] Nanos hold_until() const noexcept { return hold_until_; }  // 0: no hold
  [[nodiscard]] bool speaking() const noexcept { return newest_.running_since != 0 && !newest_.dismissed; }
  /// May speech that began at `began` interrupt `reply` now?
  [[nodiscard]] bool allowed(Nanos began, const ReplyView& reply, Nanos now) const noexcept {
    return now >= allowed_from(began, reply);
  }

 private:
  struct Speech {
    std::uint32_t utterance = 0;  // 0: none
    Nanos began = 0;
    Nanos running_since = 0;  // the stretch at hand; 0: silence
    Nanos said = 0;           // in the stretches before it
    Nanos silent_since = 0;
    Nanos sign = 0;          // when capture last said that there is speech
    bool confirmed = false;  // by capture
    bool dismissed = false;  // a false alarm, as far as it goes
  };

  void stop_running(Speech& speech, Nanos at) noexcept;
  void go_on(Speech& speech, Nanos at, Nanos now) noexcept;
  Speech& begin(std::uint32_t utterance, Nanos at, Nanos now) noexcept;
  Speech* find(std::uint32_t utterance) noexcept;
  void forget(Speech* speech) noexcept;
  void expire(Speech& speech, Nanos now) const noexcept;
  BargeAction judge(const ReplyView& reply, Nanos now) noexcept;
  [[nodiscard]] Nanos hold_end(const Speech& speech) const noexcept;
  [[nodiscard]] Nanos proven_at(const Speech& speech) const noexcept;
  [[nodiscard]] Nanos allowed_from(Nanos began, const ReplyView& reply) const noexcept;

  BargeInSettings settings_;
  Speech newest_;
  Speech earlier_;  // ended; its words are still to come
  Nanos hold_until_ = 0;
};

}  // namespace prot::brain
