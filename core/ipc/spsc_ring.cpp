#include "ipc/spsc_ring.hpp"

#include <algorithm>
#include <cstring>

#include "base/copy_bytes.hpp"
#include "ipc/record.hpp"

namespace prot::ipc {
namespace {

using namespace detail;

constexpr std::uint64_t kFetchAhead = 1088;  // 1 KiB and its header

/// Single writer: no read-modify-write needed.
void add(Word& counter, std::uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

/// The page of a newer process must not be touched. 0: nobody was assigned, as in a ring without supervisor.
bool is_assigned(const HalfWord& assigned, std::uint32_t generation) noexcept {
  const std::uint32_t now = assigned.load(std::memory_order_relaxed);
  return now == generation || now == 0;
}

std::uint64_t fault_word(PeerFault code, std::uint64_t position) noexcept {
  return (static_cast<std::uint64_t>(code) << 56U) | (position & ((std::uint64_t{1} << 56U) - 1));
}

}  // namespace

// ---- producer

RingProducer::RingProducer(const RingMemory& memory, std::uint32_t generation) noexcept
    : memory_(memory),
      generation_(generation != 0 ? generation : memory.supervisor->producer_generation.load()),
      max_frame_(memory.header->max_frame),
      capacity_(memory.header->capacity) {
  RingProducerPage& page = *memory_.producer;
  faulted_ = !is_current();
  if (faulted_) return;
  high_ = mark_ = page.high_water_bytes.load(std::memory_order_relaxed);
  tail_ = page.tail.load(std::memory_order_relaxed);
  cached_head_ = memory_.consumer->head.load(std::memory_order_acquire);
  page.generation.store(generation_, std::memory_order_relaxed);
  page.fault.store(0, std::memory_order_relaxed);
  page.state.store(static_cast<std::uint32_t>(SideState::kAttached), std::memory_order_relaxed);
  if (tail_ > 0) {
    // A predecessor that died between slot and tail left a slot whose end is ahead: only the true one
    // matches.
    const auto* slot = std::find_if(std::begin(page.slot), std::end(page.slot), [&](const ResumeSlot& s) {
      return s.end.load(std::memory_order_relaxed) == tail_;
    });
    if (slot == std::end(page.slot)) {
      fault(PeerFault::kSlot);
      return;
    }
    sequence_ = slot->sequence.load(std::memory_order_relaxed) + 1;
    for (std::size_t i = 0; i < kMaxSources; ++i)
      resume_.seq[i] = slot->source[i].load(std::memory_order_relaxed);
    next_slot_ = slot == &page.slot[0] ? 1 : 0;
  }
  if (cached_head_ > tail_ || tail_ - cached_head_ > capacity_ || cached_head_ % kAlign != 0) {
    fault(PeerFault::kIndex);
    return;
  }
  // A predecessor may have left frames that were released, and half of one.
  wipes_ = memory_.header->use == RingUse::kWords;
  if (wipes_ && tail_ > 0) wipe(tail_, cached_head_ + capacity_, true);
  count_commit();  // a predecessor may have died before it counted its last frame
}

bool RingProducer::is_current() const noexcept {
  return is_assigned(memory_.supervisor->producer_generation, generation_);
}

std::byte* RingProducer::at(std::uint64_t position) const noexcept {
  return memory_.data + (position & (capacity_ - 1));
}

void RingProducer::fault(PeerFault code) noexcept {
  faulted_ = true;
  memory_.producer->fault.store(fault_word(code, tail_), std::memory_order_relaxed);
  memory_.producer->state.store(static_cast<std::uint32_t>(SideState::kFaulted), std::memory_order_release);
}

bool RingProducer::load_head() noexcept {
  const std::uint64_t head = memory_.consumer->head.load(std::memory_order_acquire);
  if (head < cached_head_ || head > tail_ || head % kAlign != 0) {
    fault(PeerFault::kIndex);
    return false;
  }
  if (wipes_) wipe(cached_head_, head, false);
  cached_head_ = head;
  return true;
}

PublishResult RingProducer::claim(std::size_t length, std::span<std::byte>& payload) noexcept {
  payload = {};
  claim_open_ = false;
  faulted_ = faulted_ || !is_current();
  if (faulted_) return PublishResult::kFaulted;
  if (length > max_frame_) return PublishResult::kTooLarge;
  const std::uint64_t size = record_size(length);
  const std::uint64_t to_end = capacity_ - (tail_ & (capacity_ - 1));
  const std::uint64_t padding = size > to_end ? to_end : 0;
  if (padding + size > capacity_ - (tail_ - cached_head_)) {
    if (!load_head()) return PublishResult::kFaulted;
    if (padding + size > capacity_ - (tail_ - cached_head_)) return PublishResult::kFull;
  }
  claimed_at_ = tail_ + padding;
  claimed_ = length;
  claim_open_ = true;
  payload = {at(claimed_at_) + sizeof(RecordHeader), length};
  return PublishResult::kOk;
}

void RingProducer::commit(std::size_t length, const FrameInfo& info, const Sources& sources,
                          Nanos now) noexcept {
  if (!claim_open_) return;
  claim_open_ = false;
  length = std::min(length, claimed_);
  if (claimed_at_ != tail_) {
    RecordHeader padding{};
    padding.length = static_cast<std::uint32_t>(claimed_at_ - tail_ - kPaddingHeader);
    padding.kind = kPaddingKind & 0xFFU;
    padding.version = kPaddingKind >> 8U;
    padding.crc = checksum(padding, false);
    std::memcpy(at(tail_), &padding, kPaddingHeader);
  }
  RecordHeader header{};
  header.length = static_cast<std::uint32_t>(length);
  header.kind = info.kind;
  header.version = info.version;
  header.flags = info.flags;
  header.turn = info.turn;
  header.sequence = sequence_;
  header.made_ns = info.made_ns;
  header.published_ns = now;
  header.source_sequence = sources.seq[0];
  header.crc = checksum(header, true);
  put_header(at(claimed_at_), header);

  RingProducerPage& page = *memory_.producer;
  const std::uint64_t end = claimed_at_ + record_size(length);
  ResumeSlot& slot = page.slot[next_slot_];
  slot.end.store(end, std::memory_order_relaxed);
  slot.sequence.store(sequence_, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kMaxSources; ++i) {
    resume_.seq[i] = std::max(resume_.seq[i], sources.seq[i]);
    slot.source[i].store(resume_.seq[i], std::memory_order_relaxed);
  }
  page.last_publish_ns.store(static_cast<std::uint64_t>(now), std::memory_order_relaxed);
  page.tail.store(end, kTailOrder);  // the commit

  tail_ = end;
  ++sequence_;
  next_slot_ ^= 1U;
  count_commit();
}

void RingProducer::count_commit() noexcept {
  RingProducerPage& page = *memory_.producer;
  page.frames.store(sequence_, std::memory_order_relaxed);
  page.bytes.store(tail_, std::memory_order_relaxed);
  // The cached head may be old, so a new record is checked against the real one.
  if (tail_ - cached_head_ > mark_ && load_head() && tail_ - cached_head_ > mark_) raise_marks();
}

PublishResult RingProducer::publish(const FrameInfo& info, std::span<const std::byte> payload,
                                    const Sources& sources, Nanos now) noexcept {
  std::span<std::byte> room;
  const PublishResult result = claim(payload.size(), room);
  if (result != PublishResult::kOk) return result;
  copy_bytes(room.data(), payload.data(), payload.size());
  commit(payload.size(), info, sources, now);
  return PublishResult::kOk;
}

void RingProducer::prepare(std::size_t length) const noexcept {
  if (faulted_) return;
  // What may still be in the consumer's hands is left alone.
  const std::uint64_t size = std::min(
      {record_size(length), capacity_ - (tail_ - cached_head_), capacity_ - (tail_ & (capacity_ - 1))});
  const std::byte* place = at(tail_);
  for (std::uint64_t i = 0; i < size; i += kCacheLine) fetch_for_writing(place + i);
}

void RingProducer::count_drop() noexcept { add(memory_.producer->drops, 1); }

std::uint64_t RingProducer::used() const noexcept {
  return std::min(tail_ - memory_.consumer->head.load(std::memory_order_acquire), capacity_);
}

// ---- consumer

RingConsumer::RingConsumer(const RingMemory& memory, std::uint32_t generation) noexcept
    : memory_(memory),
      generation_(generation != 0 ? generation : memory.supervisor->consumer_generation.load()),
      max_frame_(memory.header->max_frame),
      capacity_(memory.header->capacity),
      kind_mask_(memory.header->kind_mask) {
  RingConsumerPage& page = *memory_.consumer;
  faulted_ = !is_current();
  if (faulted_) return;
  head_ = position_ = seen_tail_ = page.head.load(std::memory_order_relaxed);
  // In this order: a frame in the hands of the predecessor is not blamed for this one's end.
  page.processing_seq.store(0, std::memory_order_relaxed);
  page.generation.store(generation_, std::memory_order_release);
  page.fault.store(0, std::memory_order_relaxed);
  page.state.store(static_cast<std::uint32_t>(SideState::kAttached), std::memory_order_relaxed);
}

TakeResult RingConsumer::fault(PeerFault code, std::uint64_t position) noexcept {
  faulted_ = true;
  add(memory_.consumer->faults, 1);
  memory_.consumer->fault.store(fault_word(code, position), std::memory_order_relaxed);
  memory_.consumer->state.store(static_cast<std::uint32_t>(SideState::kFaulted), std::memory_order_release);
  return TakeResult::kFaulted;
}

bool RingConsumer::load_tail() noexcept {
  const std::uint64_t tail = memory_.producer->tail.load(std::memory_order_acquire);
  if (tail < seen_tail_ || tail - head_ > capacity_ || tail % kAlign != 0 || head_ % kAlign != 0) {
    (void)fault(PeerFault::kIndex, position_);
    return false;
  }
  seen_tail_ = tail;
  fetch_next();
  return true;
}

void RingConsumer::fetch_next() const noexcept {
  // All lines at once, instead of the next one when the last has come. Beyond a page the processor sees it
  // coming.
  const std::uint64_t offset = position_ & (capacity_ - 1);
  const std::uint64_t size = std::min({seen_tail_ - position_, capacity_ - offset, kFetchAhead});
  for (std::uint64_t i = 0; i < size; i += kCacheLine) __builtin_prefetch(memory_.data + offset + i);
}

PeerFault RingConsumer::check_record(std::uint64_t position, std::uint64_t limit,
                                     Record& record) const noexcept {
  RecordHeader& header = record.header;
  std::uint64_t offset = position & (capacity_ - 1);
  copy_front(header, memory_.data + offset);
  if (is_padding(header)) {
    const std::uint64_t to_end = capacity_ - offset;
    // A padding record fills the end and is committed together with the record behind it.
    if (offset == 0 || header.length != to_end - kPaddingHeader || header.flags != 0 || header.turn != 0 ||
        limit - position < to_end + sizeof(RecordHeader) || header.crc != checksum(header, false))
      return PeerFault::kPadding;
    position += to_end;
    offset = 0;
    copy_front(header, memory_.data);
    if (is_padding(header)) return PeerFault::kPadding;
  }
  const std::uint64_t room = std::min(limit - position, capacity_ - offset);
  if (room < sizeof(RecordHeader) || header.length > max_frame_ || record_size(header.length) > room)
    return PeerFault::kLength;
  copy_rest(header, memory_.data + offset);
  if (header.crc != checksum(header, true)) return PeerFault::kChecksum;
  if (!is_known(kind_mask_, header.kind)) return PeerFault::kKind;
  record.begin = position;
  record.end = position + record_size(header.length);
  return PeerFault::kNone;
}

bool RingConsumer::read_record(std::uint64_t position, std::uint64_t limit, Record& record) noexcept {
  const PeerFault code = check_record(position, limit, record);
  if (code != PeerFault::kNone) (void)fault(code, position);
  return code == PeerFault::kNone;
}

void RingConsumer::learn_sequence(std::uint64_t sequence) noexcept {
  if (sequence_known_) return;
  sequence_known_ = true;
  sequence_ = head_sequence_ = sequence;
}

bool RingConsumer::is_current() const noexcept {
  return is_assigned(memory_.supervisor->consumer_generation, generation_);
}

TakeResult RingConsumer::peek(FrameInfo& info, std::span<const std::byte>& payload) noexcept {
  faulted_ = faulted_ || !is_current();
  if (faulted_) return TakeResult::kFaulted;
  if (position_ == seen_tail_ && !load_tail()) return TakeResult::kFaulted;
  if (position_ == seen_tail_) return TakeResult::kEmpty;
  Record record;
  if (!read_record(position_, seen_tail_, record)) return TakeResult::kFaulted;
  const RecordHeader& header = record.header;
  learn_sequence(header.sequence);
  if (header.sequence != sequence_) return fault(PeerFault::kSequence, position_);
  info.kind = header.kind;
  info.version = header.version;
  info.flags = header.flags;
  info.turn = header.turn;
  info.sequence = header.sequence;
  info.made_ns = header.made_ns;
  info.published_ns = header.published_ns;
  payload = {memory_.data + (record.begin & (capacity_ - 1)) + sizeof(RecordHeader), header.length};
  position_ = record.end;
  ++sequence_;
  memory_.consumer->processing_seq.store(sequence_, std::memory_order_relaxed);
  return TakeResult::kFrame;
}

void RingConsumer::move_head(std::uint64_t position, std::uint64_t sequence, bool skipped,
                             Nanos now) noexcept {
  if (position == head_) return;
  if (!is_current()) {
    faulted_ = true;
    return;
  }
  RingConsumerPage& page = *memory_.consumer;
  page.last_release_ns.store(static_cast<std::uint64_t>(now), std::memory_order_relaxed);
  page.head.store(position, kHeadOrder);
  add(skipped ? page.skipped_frames : page.frames, sequence - head_sequence_);
  add(skipped ? page.skipped_bytes : page.bytes, position - head_);
  head_ = position;
  head_sequence_ = sequence;
  if (head_ == position_) page.processing_seq.store(0, std::memory_order_relaxed);
}

void RingConsumer::release(Nanos now) noexcept { move_head(position_, sequence_, false, now); }

void RingConsumer::release_through(std::uint64_t sequence, Nanos now) noexcept {
  if (!sequence_known_ || sequence < head_sequence_) return;
  if (sequence >= sequence_ || sequence + 1 == sequence_) return release(now);
  std::uint64_t position = head_;
  for (std::uint64_t next = head_sequence_; next <= sequence; ++next) {
    Record record;
    if (!read_record(position, position_, record)) return;
    if (record.header.sequence != next) return (void)fault(PeerFault::kSequence, position);
    position = record.end;
  }
  move_head(position, sequence + 1, false, now);
}

void RingConsumer::rewind() noexcept {
  position_ = head_;
  sequence_ = head_sequence_;
  if (!faulted_ && is_current()) memory_.consumer->processing_seq.store(0, std::memory_order_relaxed);
}

void RingConsumer::skip_through(std::uint64_t sequence, Nanos now) noexcept {
  rewind();
  if (faulted_ || !load_tail()) return;
  while (position_ != seen_tail_) {
    Record record;
    if (!read_record(position_, seen_tail_, record)) return;
    learn_sequence(record.header.sequence);
    if (record.header.sequence != sequence_) return (void)fault(PeerFault::kSequence, position_);
    if (sequence_ > sequence) break;
    position_ = record.end;
    ++sequence_;
  }
  move_head(position_, sequence_, true, now);
}

std::uint64_t RingConsumer::release_stale(std::uint64_t cancelled, Nanos now) noexcept {
  std::uint64_t stale = in_hand();
  if (!faulted_ && load_tail()) {
    while (position_ != seen_tail_) {
      Record record;
      if (!read_record(position_, seen_tail_, record)) break;
      const RecordHeader& header = record.header;
      learn_sequence(header.sequence);
      if (header.sequence != sequence_) {
        (void)fault(PeerFault::kSequence, position_);
        break;
      }
      if (header.turn == 0 || header.turn > cancelled) break;
      position_ = record.end;
      ++sequence_;
      ++stale;
    }
  }
  move_head(position_, sequence_, false, now);
  if (!is_current()) return 0;
  add(memory_.consumer->stale_frames, stale);
  return stale;
}

bool RingConsumer::has_data() const noexcept {
  return !faulted_ && memory_.producer->tail.load(std::memory_order_acquire) != position_;
}

std::uint64_t RingConsumer::used() const noexcept {
  return std::min(memory_.producer->tail.load(std::memory_order_acquire) - head_, capacity_);
}

}  // namespace prot::ipc
