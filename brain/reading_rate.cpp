#include "reading_rate.hpp"

#include <algorithm>
#include <limits>

namespace prot::brain {

void ReadingRate::learn(const Usage& usage) noexcept {
  if (usage.read_tokens < kLeast || usage.read_ns <= 0) return;
  // What is older counts for what the new ones leave of the window.
  const double tokens = std::min<double>(usage.read_tokens, kWindow);
  const double kept = tokens_ > 0 ? std::min(1.0, (kWindow - tokens) / tokens_) : 0;
  tokens_ = tokens_ * kept + tokens;
  ns_ = ns_ * kept + static_cast<double>(usage.read_ns) * tokens / usage.read_tokens;
}

std::uint32_t ReadingRate::tokens_in(Nanos time) const noexcept {
  if (tokens_ <= 0) return 0;
  constexpr double kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp(static_cast<double>(time) * tokens_ / ns_, 1.0, kMost));
}

}  // namespace prot::brain
