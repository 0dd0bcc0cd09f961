#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "wire/speech_in.hpp"

namespace prot::brain {

struct BargeInSettings {
  bool enabled = true;
  bool headphones = false;  // the output cannot reach the microphone
  Nanos grace = 300 * kMillisecond;
  Nanos hold = 2 * kSecond;
};

/// What the decision needs to know of the reply.
struct ReplyView {
  bool under_way = false;
  Nanos audible_at = 0;  // first sample at the loudspeaker; 0: silent so far
};

enum class BargeAction { kNone, kHold, kRelease, kCancel };

/// Decides whether the person interrupts. First sign of speech: the player pauses (hold), which costs nothing
/// if it was a cough. Sustained speech: the reply is cancelled, for good. Neither within the hold: play on.
///
///   state      | started      | confirmed      | paused | ended, discarded | time over
///   quiet      | hold -> susp.| cancel         | -      | -                | -
///   suspected  | -            | cancel -> quiet| -      | release -> quiet | release -> quiet
///
/// Speech counts when the output cannot reach the microphone, or began before anything was audible; in the
/// first moment of a reply (grace) only speech that began before it counts. One thread, no clock of its own.
class BargeIn {
 public:
  explicit BargeIn(const BargeInSettings& settings) : settings_(settings) {}

  BargeAction on_hearing(const wire::Hearing& hearing, const ReplyView& reply, Nanos now) noexcept;
  BargeAction tick(Nanos now) noexcept;
  /// The reply is over by itself: nothing is suspected any more.
  void reset() noexcept { hold_until_ = 0; }

  [[nodiscard]] bool suspected() const noexcept { return hold_until_ != 0; }
  [[nodiscard]] Nanos hold_until() const noexcept { return hold_until_; }  // 0: no hold
  /// May speech that began at `began` interrupt `reply` now?
  [[nodiscard]] bool allowed(Nanos began, const ReplyView& reply, Nanos now) const noexcept;

 private:
  BargeInSettings settings_;
  Nanos hold_until_ = 0;
  Nanos began_ = 0;  // of the utterance at hand
};

}  // namespace prot::brain
