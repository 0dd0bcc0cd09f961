#include "playout_clock.hpp"

#include <algorithm>

#include "audio/pcm_format.hpp"

namespace prot::player {

using audio::frames_to_nanos;
using audio::nanos_to_frames;

void PlayoutClock::record(std::uint64_t begin, std::uint64_t end, Nanos written_ns,
                          Nanos audible_ns) noexcept {
  if (end <= begin) return;
  const Nanos length = frames_to_nanos(static_cast<std::int64_t>(end - begin), rate_);
  writes_[next_ % kWrites] = {begin, end, written_ns, audible_ns - length};
  ++next_;
  first_ = std::max(first_, next_ > kWrites ? next_ - kWrites : 0);
  written_ = end;
}

std::uint64_t PlayoutClock::heard(Nanos now) noexcept {
  for (std::uint64_t i = next_; i > first_; --i) {
    const Write& write = at(i - 1);
    if (now < write.begins_ns) continue;
    const auto into = static_cast<std::uint64_t>(nanos_to_frames(now - write.begins_ns, rate_));
    heard_ = std::max(heard_, std::min(write.end, write.begin + into));
    break;
  }
  return heard_;
}

void PlayoutClock::cut(std::uint64_t position) noexcept {
  first_ = next_;
  heard_ = written_ = position;
}

std::optional<PlayoutClock::Times> PlayoutClock::times_of(std::uint64_t position) const noexcept {
  for (std::uint64_t i = next_; i > first_; --i) {
    const Write& write = at(i - 1);
    if (position < write.begin || position >= write.end) continue;
    const Nanos into = frames_to_nanos(static_cast<std::int64_t>(position - write.begin), rate_);
    return Times{write.written_ns, write.begins_ns + into};
  }
  return std::nullopt;
}

}  // namespace prot::player
