// RingProducer: what is released of a ring of words.
#include <algorithm>
#include <cstring>

#include "ipc/record.hpp"
#include "ipc/spsc_ring.hpp"

namespace prot::ipc {

using namespace detail;

void RingProducer::wipe_released() noexcept {
  if (wipes_ && !faulted_ && cached_head_ != tail_ && is_current()) (void)load_head();
}

// Headers stay: whoever only looks on goes by them from one frame to the next.
void RingProducer::wipe(std::uint64_t from, std::uint64_t until, bool whole) noexcept {
  while (from < until) {
    const std::uint64_t room = std::min(until - from, capacity_ - (from & (capacity_ - 1)));
    RecordHeader header{};
    if (!whole) copy_front(header, at(from));
    const bool padding = !whole && is_padding(header);
    const std::uint64_t kept = whole ? 0 : sizeof header;
    const std::uint64_t size = whole     ? room
                               : padding ? kPaddingHeader + header.length
                                         : record_size(header.length);
    if (size > room) return wipe(from, until, true);  // no record, whoever wrote that
    if (!padding) std::memset(at(from) + kept, 0, size - kept);
    from += size;
  }
}

}  // namespace prot::ipc
