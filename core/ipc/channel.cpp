#include "ipc/channel.hpp"

#include <algorithm>
#include <utility>

#include "base/copy_bytes.hpp"

namespace prot::ipc {
namespace {

/// A change that is older than this and rang no bell was lost, not merely racing with the end of the belt.
constexpr Nanos kLateAfter = 50 * kMillisecond;

/// Single writer: no read-modify-write needed.
void add(Word& counter, std::uint64_t by = 1) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

void raise(Word& mark, Nanos value) noexcept {
  if (value > 0 && static_cast<std::uint64_t>(value) > mark.load(std::memory_order_relaxed))
    mark.store(static_cast<std::uint64_t>(value), std::memory_order_relaxed);
}

Nanos read_stamp(const Word& stamp) noexcept {
  return static_cast<Nanos>(stamp.load(std::memory_order_relaxed));
}

std::string ring_name(const RingMemory& memory) {
  return {memory.header->name, ::strnlen(memory.header->name, sizeof memory.header->name)};
}

}  // namespace

// ---- output

Output::Output(RingSegment segment, const Doorbell* peer, const Clock& clock, std::uint32_t generation)
    : segment_(std::move(segment)),
      ring_(segment_.memory(), generation),
      peer_(peer),
      clock_(&clock),
      ticket_(&segment_.memory().producer->space_ticket),
      wake_(&segment_.memory().consumer->data_ticket),
      name_(ring_name(segment_.memory())),
      policy_(segment_.memory().header->policy),
      first_(ring_.next_sequence() > 0) {
  disarm();
  // A predecessor may have died between its tail store and the bell.
  if (peer_ != nullptr) peer_->ring();
}

PublishResult Output::publish(const FrameInfo& info, std::span<const std::byte> payload,
                              const Sources& sources) {
  return publish(info, payload, {}, sources);
}

PublishResult Output::publish(const FrameInfo& info, std::span<const std::byte> head,
                              std::span<const std::byte> tail, const Sources& sources) {
  std::span<std::byte> room;
  const PublishResult result = ring_.claim(head.size() + tail.size(), room);
  if (result == PublishResult::kFull) note_full();
  if (result != PublishResult::kOk) return result;
  copy_bytes(room.data(), head.data(), head.size());
  copy_bytes(room.data() + head.size(), tail.data(), tail.size());

  FrameInfo marked = info;
  if (gap_) marked.flags |= kFlagGap;
  if (first_) marked.flags |= kFlagRestarted;
  const Nanos now = clock_->now();
  ring_.commit(room.size(), marked, sources, now);
  RingProducerPage& page = *ring_.memory().producer;
  if (wake_.should_wake(ring_.tail()) && peer_ != nullptr) {
    peer_->ring();
    add(page.wakes);
  }
  if (wants_space_) count_blocked(now);
  wants_space_ = gap_ = first_ = false;
  return PublishResult::kOk;
}

void Output::note_full() noexcept {
  RingProducerPage& page = *ring_.memory().producer;
  seen_ = std::max(seen_, ring_.seen_head());
  if (policy_ == Policy::kDropNewest) {
    if (!gap_) add(page.full_events);
    gap_ = true;
    ring_.count_drop();
    return;
  }
  if (wants_space_) return;
  wants_space_ = true;
  full_since_ = clock_->now();
  add(page.full_events);
}

void Output::count_blocked(Nanos now) noexcept {
  if (now > full_since_)
    add(ring_.memory().producer->blocked_ns, static_cast<std::uint64_t>(now - full_since_));
}

bool Output::consumer_closed() const noexcept {
  return ring_.memory().supervisor->consumer_closed.load(std::memory_order_acquire) != 0;
}

void Output::disarm() noexcept {
  ticket_.disarm();
  ring_.wipe_released();
  seen_ = ring_.memory().consumer->head.load(std::memory_order_seq_cst);
}

void Output::arm() noexcept {
  if (wants_space_) ticket_.arm(seen_);
}

bool Output::changed() noexcept {
  return wants_space_ && ring_.memory().consumer->head.load(std::memory_order_seq_cst) != seen_;
}

void Output::count_wake(bool late) noexcept {
  if (!wants_space_) return;
  RingProducerPage& page = *ring_.memory().producer;
  add(page.waits);
  if (late && changed() && clock_->now() - read_stamp(ring_.memory().consumer->last_release_ns) > kLateAfter)
    add(page.late_wakes);
}

// ---- input

Input::Input(RingSegment segment, const Doorbell* peer, const Clock& clock, std::uint32_t generation)
    : segment_(std::move(segment)),
      ring_(segment_.memory(), generation),
      peer_(peer),
      clock_(&clock),
      ticket_(&segment_.memory().consumer->data_ticket),
      wake_(&segment_.memory().producer->space_ticket),
      name_(ring_name(segment_.memory())) {
  disarm();
  // A predecessor may have died between its head store and the bell.
  if (peer_ != nullptr) peer_->ring();
}

TakeResult Input::peek(FrameInfo& info, std::span<const std::byte>& payload) {
  RingConsumerPage& page = *ring_.memory().consumer;
  for (;;) {
    const TakeResult result = ring_.peek(info, payload);
    seen_ = std::max(seen_, ring_.seen_tail());
    if (result != TakeResult::kFrame) return result;
    if (!is_set_aside(*ring_.memory().supervisor, info.sequence)) break;
    // A poison frame: this stage died on it twice. Behind frames in hand it goes when they go.
    if (ring_.in_hand() == 1) {
      ring_.skip_through(info.sequence, clock_->now());
      after_release();
    }
  }
  const Nanos now = clock_->now();
  page.last_take_ns.store(static_cast<std::uint64_t>(now), std::memory_order_relaxed);
  raise(page.max_lag_ns, now - info.published_ns);
  return TakeResult::kFrame;
}

bool is_set_aside(const RingSupervisorPage& page, std::uint64_t sequence) noexcept {
  if (page.poison_frames.load(std::memory_order_acquire) == 0) return false;
  return std::any_of(
      std::begin(page.set_aside_seq), std::end(page.set_aside_seq),
      [sequence](const Word& word) { return word.load(std::memory_order_relaxed) == sequence + 1; });
}

void Input::release() {
  ring_.release(clock_->now());
  after_release();
}

void Input::release_through(std::uint64_t sequence) {
  ring_.release_through(sequence, clock_->now());
  after_release();
}

void Input::resume(std::uint64_t covered) {
  if (covered == 0) return;
  ring_.skip_through(covered - 1, clock_->now());
  after_release();
}

std::uint64_t Input::drop_stale(std::uint64_t cancelled) {
  const std::uint64_t dropped = ring_.release_stale(cancelled, clock_->now());
  after_release();
  return dropped;
}

void Input::after_release() noexcept {
  if (!wake_.should_wake(ring_.head()) || peer_ == nullptr) return;
  peer_->ring();
  add(ring_.memory().consumer->wakes);
}

bool Input::producer_closed() const noexcept {
  return ring_.memory().supervisor->producer_closed.load(std::memory_order_acquire) != 0;
}

void Input::disarm() noexcept {
  ticket_.disarm();
  seen_ = ring_.memory().producer->tail.load(std::memory_order_seq_cst);
}

void Input::arm() noexcept { ticket_.arm(seen_); }

bool Input::changed() noexcept {
  return ring_.memory().producer->tail.load(std::memory_order_seq_cst) != seen_;
}

void Input::count_wake(bool late) noexcept {
  RingConsumerPage& page = *ring_.memory().consumer;
  add(page.waits);
  if (late && changed() && clock_->now() - read_stamp(ring_.memory().producer->last_publish_ns) > kLateAfter)
    add(page.late_wakes);
}

}  // namespace prot::ipc
