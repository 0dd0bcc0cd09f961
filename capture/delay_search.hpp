#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "echo_canceller.hpp"
#include "far_end.hpp"

namespace prot::capture {

/// Finds how much later prot's voice is in the microphone than the clocks of both devices say, from what both
/// sound like: Bluetooth, televisions and sound servers have 100 to 300 ms that they do not report. Method:
/// GCC-PHAT (Knapp and Carter, The Generalized Correlation Method for Estimation of Time Delay, IEEE
/// Transactions on Acoustics, Speech and Signal Processing 24, 1976): the phases of far end against
/// microphone, averaged over some windows so that a person who speaks meanwhile is averaged away, have their
/// peak at the delay. WebRTC's own estimate ends at about 180 ms. One thread. RT safe, but for the
/// constructor. Invariant: a delay is said only after searches in a row that agree, and stays until others
/// agree.
class DelaySearch {
 public:
  static constexpr Nanos kEarliest = -40 * kMillisecond;  // player tells about this much in advance
  static constexpr Nanos kLatest = 530 * kMillisecond;

  DelaySearch();

  /// The microphone heard `near`; `place`: its first sample in `far`, by the clocks. True: a search was made
  /// and agrees with those before it.
  bool hear(std::span<const std::int16_t, kEchoBlock> near, std::int64_t place, const FarEnd& far) noexcept;
  /// Other devices: forgets everything.
  void reset() noexcept;

  /// The newest that was found.
  [[nodiscard]] Nanos delay() const noexcept { return delay_; }
  [[nodiscard]] bool found() const noexcept { return found_; }
  /// Of the newest search: its peak, in standard deviations of all other delays.
  [[nodiscard]] double prominence() const noexcept { return prominence_; }

 private:
  static constexpr std::size_t kSize = 1U << 14U;  // of the far end's window
  static constexpr std::size_t kNear = 45 * kEchoBlock;
  static constexpr std::size_t kHop = kNear / 3;
  using Complex = std::complex<float>;

  [[nodiscard]] bool look(const FarEnd& far) noexcept;
  void accumulate() noexcept;
  [[nodiscard]] std::int64_t best_lag() noexcept;
  void transform() noexcept;

  std::vector<Complex> roots_;
  std::vector<float> hann_;
  std::vector<Complex> work_;
  std::vector<Complex> phases_;  // averaged, of the bins that count
  std::vector<std::int16_t> far_;
  std::array<std::int16_t, kNear> near_{};
  std::size_t filled_ = 0;
  std::int64_t next_place_ = 0;
  std::int64_t candidate_ = 0;  // samples
  unsigned agreeing_ = 0;
  double prominence_ = 0;
  Nanos delay_ = 0;
  bool found_ = false;
};

}  // namespace prot::capture
