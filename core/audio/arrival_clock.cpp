#include "audio/arrival_clock.hpp"

#include <algorithm>

namespace prot::audio {

void ArrivalClock::arrived(std::int64_t frames, Nanos now) noexcept {
  frames_ += frames;
  offsets_[count_ % kWindow] = now - frames_to_nanos(frames_, rate_);
  ++count_;
}

Nanos ArrivalClock::lateness(Nanos now) const noexcept {
  if (count_ == 0) return 0;
  const auto end = offsets_.begin() + static_cast<std::ptrdiff_t>(std::min(count_, kWindow));
  const Nanos due = *std::min_element(offsets_.begin(), end) + frames_to_nanos(frames_, rate_);
  return std::max<Nanos>(0, now - due);
}

}  // namespace prot::audio
