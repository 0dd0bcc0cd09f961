#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace prot {

/// When a service that failed is asked again. What it answers a probe shows only that it lives: a small
/// question may be quick where a real one is too slow. So a probe puts it on trial, and only the answer to a
/// person makes it well; who fails on trial is left alone for twice as long. A value; one thread.
///
///   it is    | a probe is answered | a probe fails  | a person is answered | a person is failed
///   well     | -                   | -              | -                    | failed, the first pause
///   failed   | on trial            | twice as long  | well                 | twice as long, if it was due
///   on trial | -                   | -              | well                 | failed, twice as long
class BackOff {
 public:
  /// The pauses double from `first` up to `longest`.
  constexpr BackOff(Nanos first, Nanos longest) noexcept : first_(first), longest_(longest) {}

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// When it is to be probed, or tried if nobody else is left; kNever: it has not failed.
  [[nodiscard]] Nanos due() const noexcept { return failed_ ? due_ : kNever; }
  /// The newest one; 0: it is well.
  [[nodiscard]] Nanos pause() const noexcept { return pause_; }

  void answer() noexcept {
    failed_ = false;
    pause_ = 0;
  }
  void answer_probe() noexcept { failed_ = false; }
  /// `lasting`: a reason that does not pass by itself.
  void fail(Nanos now, bool lasting = false) noexcept {
    if (failed_ && now < due_) return;
    fail_probe(now, lasting);
  }
  void fail_probe(Nanos now, bool lasting = false) noexcept {
    failed_ = true;
    pause_ = lasting ? longest_ : pause_ == 0 ? first_ : std::min(2 * pause_, longest_);
    due_ = now + pause_;
  }
  /// The probe was broken off: that says nothing about the service.
  void put_off(Nanos until) noexcept { due_ = until; }

 private:
  Nanos first_;
  Nanos longest_;
  Nanos pause_ = 0;
  Nanos due_ = 0;
  bool failed_ = false;
};

}  // namespace prot
