#include "observe/ring_view.hpp"

#include <algorithm>
#include <cstring>

#include "ipc/record.hpp"

namespace prot::observe {
namespace {

using ipc::detail::checksum;
using ipc::detail::is_padding;
using ipc::detail::kAlign;
using ipc::detail::kPaddingHeader;
using ipc::detail::record_size;

constexpr int kTries = 8;

// Other processes write here: each word is fetched once, and what is loaded afterwards (the positions) is not
// older. The race is wanted, and what was read is checked, so a race detector need not look.
__attribute__((no_sanitize("thread"))) void copy_words(std::byte* to, const std::byte* from,
                                                       std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
    const std::uint64_t word =
        __atomic_load_n(reinterpret_cast<const std::uint64_t*>(from + i), __ATOMIC_ACQUIRE);
    std::memcpy(to + i, &word, sizeof word);
  }
}

}  // namespace

RingView::RingView(const ipc::RingMemory& memory) noexcept
    : memory_(memory), capacity_(memory.header->capacity), max_frame_(memory.header->max_frame) {}

Positions RingView::positions() const noexcept {
  Positions now;
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before = memory_.consumer->head.load(std::memory_order_acquire);
    now.tail = memory_.producer->tail.load(std::memory_order_acquire);
    now.head = memory_.consumer->head.load(std::memory_order_acquire);
    // The head at the instant of the tail was between the two, however long this process did not run between:
    // what breaks these limits is damage, not haste.
    now.sane = before <= now.tail && before <= now.head && now.tail <= now.head + capacity_ &&
               now.head % kAlign == 0 && now.tail % kAlign == 0;
    if (!now.sane || now.head <= now.tail) return now;
  }
  now.head = now.tail;  // the consumer always passed that tail at once
  return now;
}

bool RingView::parse(std::uint64_t position, std::uint64_t limit, SeenRecord& record) const noexcept {
  ipc::RecordHeader& header = record.header;
  auto* to = reinterpret_cast<std::byte*>(&header);
  std::uint64_t offset = position & (capacity_ - 1);
  if (position % kAlign != 0 || limit <= position) return false;
  copy_words(to, memory_.data + offset, kPaddingHeader);
  if (is_padding(header)) {
    const std::uint64_t to_end = capacity_ - offset;
    if (header.length != to_end - kPaddingHeader || header.crc != checksum(header, false)) return false;
    position += to_end;
    offset = 0;
    if (limit <= position) return false;
    copy_words(to, memory_.data, kPaddingHeader);
  }
  const std::uint64_t room = std::min(limit - position, capacity_ - offset);
  if (is_padding(header) || room < sizeof header || header.length > max_frame_ ||
      record_size(header.length) > room)
    return false;
  copy_words(to + kPaddingHeader, memory_.data + offset + kPaddingHeader, sizeof header - kPaddingHeader);
  record.begin = position;
  record.end = position + record_size(header.length);
  return header.crc == checksum(header, true);
}

Look RingView::read(std::uint64_t position, std::uint64_t limit, SeenRecord& record) const noexcept {
  if (parse(position, limit, record)) return Look::kRecord;
  // What is not released is not written to.
  const bool released = memory_.consumer->head.load(std::memory_order_acquire) > position;
  return released ? Look::kOverwritten : Look::kDamaged;
}

bool RingView::untouched(std::uint64_t begin) const noexcept {
  if (memory_.consumer->head.load(std::memory_order_acquire) <= begin) return true;
  if (memory_.header->use == ipc::RingUse::kWords) return false;  // wiped, or soon
  // The producer writes at most one record and its padding beyond the tail.
  const std::uint64_t tail = memory_.producer->tail.load(std::memory_order_acquire);
  return tail + 2 * record_size(max_frame_) <= begin + capacity_;
}

bool RingView::copy_payload(const SeenRecord& record, std::string& payload) const {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const std::size_t length = std::min<std::uint64_t>(record.header.length, max_frame_);
  payload.resize((length + kWord - 1) / kWord * kWord);  // the rounding is part of the record
  const std::uint64_t offset = record.begin & (capacity_ - 1);
  copy_words(reinterpret_cast<std::byte*>(payload.data()), memory_.data + offset + sizeof(ipc::RecordHeader),
             payload.size());
  payload.resize(length);
  return untouched(record.begin);
}

}  // namespace prot::observe
