// How full a producer saw its ring.
#include <algorithm>

#include "ipc/record.hpp"
#include "ipc/spsc_ring.hpp"

namespace prot::ipc {

// Out of the way of the commit, which compares one private number.
[[gnu::cold, gnu::noinline]] void RingProducer::raise_marks() noexcept {
  const std::uint64_t used = tail_ - cached_head_;
  peak_ = std::max(peak_, used);
  if (used > high_) {
    high_ = used;
    memory_.producer->high_water_bytes.store(used, std::memory_order_relaxed);
  }
  lower_mark();
}

// Whatever is above the mark is new to one of them.
void RingProducer::lower_mark() noexcept {
  mark_ = level_ == 0 ? high_ : std::min(high_, std::max(peak_, level_ - 1));
}

void RingProducer::set_level(std::uint64_t bytes) noexcept {
  level_ = bytes;
  (void)take_peak();
}

std::uint64_t RingProducer::take_peak() noexcept {
  const std::uint64_t now = used();
  const std::uint64_t peak = std::max(peak_, now);
  peak_ = now;
  lower_mark();
  return peak;
}

// Nobody but this side writes the data: a frame stays as it is until this side needs its place.
Nanos RingProducer::oldest_published() noexcept {
  if (faulted_ || !load_head()) return 0;
  for (std::uint64_t position = cached_head_; position < tail_;) {
    RecordHeader header{};
    detail::copy_front(header, at(position));
    if (!detail::is_padding(header)) {
      detail::copy_rest(header, at(position));
      return header.published_ns;
    }
    position += detail::kPaddingHeader + header.length;
  }
  return 0;
}

}  // namespace prot::ipc
