#pragma once

#include <string_view>

#include "base/clock.hpp"

namespace prot::brain {

/// By how much the words of an answer come later than a slow speaker says them. A pause counts only when a
/// word follows it: behind the last one calls are written. A value; one thread.
class WordPace {
 public:
  void take(std::string_view text, Nanos at) noexcept {
    if (last_ != 0 && at - last_ < kStopped) lag_ += at - last_;
    last_ = at;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte & 0xC0U) != 0x80U) lag_ -= byte < 0x80U ? kLetter : kSyllable;
    }
  }
  /// The next word has a reason to be late.
  void excuse() noexcept { last_ = 0; }
  /// Negative: they are ahead of the speaker.
  [[nodiscard]] Nanos lag() const noexcept { return lag_; }

 private:
  static constexpr Nanos kLetter = 100 * kMillisecond;
  static constexpr Nanos kSyllable = 300 * kMillisecond;
  static constexpr Nanos kStopped = 10 * kSecond;  // nothing is waited for so long: we were stopped ourselves

  Nanos last_ = 0;  // the newest word came; 0: none did, or it does not count
  Nanos lag_ = 0;
};

}  // namespace prot::brain
