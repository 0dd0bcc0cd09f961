#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "delay_search.hpp"
#include "echo_canceller.hpp"
#include "far_end.hpp"

namespace prot::capture {

/// What a window was like: mean powers, of full scale 1.
struct EchoPowers {
  double far = 0;    // what the loudspeaker played meanwhile
  double heard = 0;  // by the microphone
  double left = 0;   // after the canceller
};

/// Takes prot's own voice out of the microphone's windows: cuts them into the canceller's blocks and gives it
/// the far end of the same moment, by the clock of both devices. One thread (the loop). process() is RT safe.
/// Invariants: as many samples out as in, delay() later; the place in the far end goes on without a gap as
/// long as the stamps agree within kSlip, and follows them freely while nothing is played, so that the
/// canceller's picture of the room stays true. An echo that comes later than the canceller takes is found by
/// DelaySearch, and the far end moved behind the clocks by shift().
class EchoRemover {
 public:
  /// The far end is given this much early: the canceller wants cause before effect by a margin, and what the
  /// devices say of their delays may be off by some milliseconds. Player tells more than this in advance.
  static constexpr Nanos kLead = 40 * kMillisecond;
  /// The far end stays where it is while the echo comes within these behind it; else it is moved so that the
  /// echo comes kMovedTo behind it.
  static constexpr Nanos kSoonest = 0;
  static constexpr Nanos kMovedTo = 30 * kMillisecond;
  static constexpr Nanos kTooLate = 100 * kMillisecond;

  /// REQUIRES: canceller is not null.
  explicit EchoRemover(std::unique_ptr<EchoCanceller> canceller);

  /// Where what is played goes.
  [[nodiscard]] FarEnd& far_end() noexcept { return far_end_; }
  /// Replaces `window` by what is left. `at`: when its first sample was at the microphone.
  void process(std::span<std::int16_t, wire::kMicWindow> window, Nanos at) noexcept;
  /// Is there what the loudspeaker plays until `end`, as process() will want it?
  [[nodiscard]] bool has_far(Nanos end) const noexcept {
    return far_end_.end() >= FarEnd::index_of(end + kLead - shift_);
  }
  /// Another microphone.
  void reset() noexcept;
  /// Another player: its stamps may be off by something else. What the canceller knows must be shown anew.
  void unlearn() noexcept;

  /// Samples that the output lags behind the input.
  [[nodiscard]] std::size_t delay() const noexcept { return kFill + canceller_->delay(); }
  [[nodiscard]] const EchoCanceller& canceller() const noexcept { return *canceller_; }
  /// Of the blocks that were completed by the newest window.
  [[nodiscard]] const EchoPowers& powers() const noexcept { return powers_; }
  /// What is heard less while prot is audible, in dB, over the last second or so of it; 0 before.
  [[nodiscard]] double removed_db() const noexcept;
  /// The canceller does not know the room yet: what it leaves while prot is audible may still be prot's
  /// voice. Over for good as soon as kLearned dB of an echo are taken away, or what is left is not louder
  /// than the room was before prot spoke: the microphone does not hear it (headphones), or hears only the
  /// room.
  [[nodiscard]] bool is_learning() const noexcept { return !learned_; }
  /// How often the far end had to be found anew while something was played.
  [[nodiscard]] std::uint64_t slips() const noexcept { return slips_; }
  /// How late the echo is by the clocks, as far as it was found.
  [[nodiscard]] const DelaySearch& search() const noexcept { return search_; }
  /// By how much the far end is moved, and how often that changed.
  [[nodiscard]] Nanos shift() const noexcept { return shift_; }
  [[nodiscard]] std::uint64_t moves() const noexcept { return moves_; }
  /// How long behind its time at the DAC prot's voice may still come, by what is known.
  [[nodiscard]] Nanos lateness() const noexcept { return learned_ || search_.found() ? shift_ : kLateAtMost; }

 private:
  // A window leaves at most 128 samples for the next block: with as many in stock every window comes out
  // whole.
  static constexpr std::size_t kFill = 128;

  static constexpr double kLearned = 10;
  static constexpr Nanos kLateAtMost = 250 * kMillisecond;  // as long as nothing is known

  void block(Nanos at) noexcept;
  void learn(const EchoPowers& block) noexcept;
  void hear_room(double power) noexcept;
  void follow(std::int64_t due) noexcept;
  void move() noexcept;

  std::unique_ptr<EchoCanceller> canceller_;
  FarEnd far_end_;
  DelaySearch search_;
  Nanos shift_ = 0;
  std::uint64_t moves_ = 0;
  std::array<std::int16_t, kEchoBlock> near_{};  // the block that is being filled
  std::size_t filled_ = 0;
  std::array<std::int16_t, kFill + wire::kMicWindow + kEchoBlock> ready_{};
  std::size_t ready_count_ = kFill;
  std::int64_t place_ = 0;  // in the far end, of the next block, by the clocks
  unsigned quiet_ = 0;      // blocks in a row for which nothing was played
  EchoPowers powers_;
  EchoPowers smooth_;     // while something is played
  EchoPowers recent_;     // the same, forgotten sooner
  unsigned audible_ = 0;  // blocks of that
  unsigned echoing_ = 0;  // those of them in which the microphone hears more than the room
  double room_ = 0;       // the quietest of what is heard while nothing is played; 0: not known
  bool learned_ = false;
  std::uint64_t slips_ = 0;
};

}  // namespace prot::capture
