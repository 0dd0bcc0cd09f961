#include "timeline.hpp"

#include <algorithm>

namespace prot::player {

Span::Place Span::place(std::uint64_t position, unsigned queue_rate) const noexcept {
  Place place;
  const bool whole = ended && !failed && position >= end;
  if (position >= end) {
    place.samples = samples;
  } else if (position > begin) {
    const std::uint64_t into = (position - begin) * rate / queue_rate;
    place.samples = static_cast<std::uint32_t>(std::min<std::uint64_t>(first_sample + into, samples));
  } else {
    place.samples = std::min(first_sample, samples);
  }
  place.bytes = whole ? text_bytes : std::max(skip_bytes, bytes_at(place.samples));
  return place;
}

std::uint32_t Span::bytes_at(std::uint32_t count) const noexcept {
  const auto behind =
      std::upper_bound(alignment.begin(), alignment.end(), count,
                       [](std::uint32_t n, const wire::AlignPoint& p) { return n < p.sample; });
  return behind == alignment.begin() ? 0 : std::min(std::prev(behind)->byte, text_bytes);
}

std::uint32_t Span::sample_after(std::uint32_t bytes) const noexcept {
  if (bytes == 0) return 0;
  const auto point = std::lower_bound(alignment.begin(), alignment.end(), bytes,
                                      [](const wire::AlignPoint& p, std::uint32_t b) { return p.byte < b; });
  return point == alignment.end() ? UINT32_MAX : point->sample;
}

Span& Timeline::add(Span span) { return spans_.emplace_back(std::move(span)); }

void Timeline::drop_through(std::uint64_t turn) {
  std::erase_if(spans_, [turn](const Span& span) { return span.turn <= turn; });
}

bool Timeline::has_turn(std::uint32_t turn) const noexcept {
  return std::any_of(spans_.begin(), spans_.end(), [turn](const Span& span) { return span.turn == turn; });
}

}  // namespace prot::player
