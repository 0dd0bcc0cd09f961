#pragma once

#include <span>
#include <string>

#include "ipc/doorbell.hpp"
#include "ipc/shm_segment.hpp"
#include "ipc/spsc_ring.hpp"

namespace prot::ipc {

/// A stage's sending end: segment + ring + policy + the peer's bell + counters.
/// One thread (the stage's loop). publish() is RT safe but for the bell's one write system call.
class Output {
 public:
  /// `generation` as for RingProducer.
  Output(RingSegment segment, const Doorbell* peer, const Clock& clock, std::uint32_t generation = 0);

  /// Publishes by the ring's policy. kFull: kBlock - keep the frame and offer it again (space_wanted() is
  /// then true until a publish succeeds), and so for kKeepLatest, but a newer frame may take its place;
  /// kDropNewest - the frame is dropped and counted, the next carries kFlagGap.
  PublishResult publish(const FrameInfo& info, std::span<const std::byte> payload,
                        const Sources& sources = {});
  /// The same for a payload in two parts (fixed head + tail), without an intermediate copy.
  PublishResult publish(const FrameInfo& info, std::span<const std::byte> head,
                        std::span<const std::byte> tail, const Sources& sources = {});

  [[nodiscard]] Sources resume_sources() const noexcept { return ring_.resume_sources(); }
  /// Sequence that the next published frame will have; what is below it was committed.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return ring_.next_sequence(); }
  [[nodiscard]] std::uint64_t used() const noexcept { return ring_.used(); }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return ring_.capacity(); }
  [[nodiscard]] bool space_wanted() const noexcept { return wants_space_; }
  [[nodiscard]] bool consumer_closed() const noexcept;
  /// False: another process has this side now; nothing that is shared may be written.
  [[nodiscard]] bool is_current() const noexcept { return ring_.is_current(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The ring as its producer has it, for who watches how full it gets.
  [[nodiscard]] RingProducer& ring() noexcept { return ring_; }

  // The loop's part of the wake protocol (doorbell.hpp).
  void disarm() noexcept;                 // and wipes what was released (RingUse)
  void arm() noexcept;                    // no-op unless a frame is on offer
  [[nodiscard]] bool changed() noexcept;  // after arm(): true - do not sleep
  void count_wake(bool late) noexcept;    // before disarm(); late: the belt ran out and no bell had rung

 private:
  void note_full() noexcept;
  void count_blocked(Nanos now) noexcept;

  RingSegment segment_;
  RingProducer ring_;
  const Doorbell* peer_;
  const Clock* clock_;
  SleepTicket ticket_;
  WakeTicket wake_;
  std::string name_;
  std::uint64_t seen_ = 0;
  Policy policy_ = Policy::kBlock;
  Nanos full_since_ = 0;
  bool wants_space_ = false;
  bool gap_ = false;
  bool first_ = true;  // the first frame of a restarted producer carries kFlagRestarted
};

/// A frame that ended its consumer twice: nobody is to look at it again.
[[nodiscard]] bool is_set_aside(const RingSupervisorPage& page, std::uint64_t sequence) noexcept;

/// A stage's receiving end.
class Input {
 public:
  Input(RingSegment segment, const Doorbell* peer, const Clock& clock, std::uint32_t generation = 0);

  /// Looks at the next frame; it stays in the ring until release. Payload is valid until then.
  TakeResult peek(FrameInfo& info, std::span<const std::byte>& payload);
  void release();                                // everything peeked
  void release_through(std::uint64_t sequence);  // up to and including
  /// Whoever takes several frames before one release(): now is the time (RingConsumer::batch_ends).
  [[nodiscard]] bool batch_ends() const noexcept { return ring_.batch_ends(); }
  void rewind() noexcept { ring_.rewind(); }
  /// Drops what a predecessor's output already covers. `covered`: Sources value (1 + sequence, 0: nothing).
  void resume(std::uint64_t covered);
  /// Releases what is in hand as stale, with it all that follows of turns up to `cancelled` (the board's
  /// cancelled turn), and counts it: one store, at most one bell. Returns how many frames.
  std::uint64_t drop_stale(std::uint64_t cancelled);
  [[nodiscard]] bool has_data() const noexcept { return ring_.has_data(); }
  [[nodiscard]] bool producer_closed() const noexcept;
  [[nodiscard]] bool is_current() const noexcept { return ring_.is_current(); }
  [[nodiscard]] std::uint64_t used() const noexcept { return ring_.used(); }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return segment_.memory().header->capacity; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  void disarm() noexcept;
  void arm() noexcept;
  [[nodiscard]] bool changed() noexcept;
  void count_wake(bool late) noexcept;

 private:
  void after_release() noexcept;

  RingSegment segment_;
  RingConsumer ring_;
  const Doorbell* peer_;
  const Clock* clock_;
  SleepTicket ticket_;
  WakeTicket wake_;
  std::string name_;
  std::uint64_t seen_ = 0;
};

}  // namespace prot::ipc
