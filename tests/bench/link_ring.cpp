#include <poll.h>
#include <unistd.h>

#include <optional>

#include "ipc/channel.hpp"
#include "loops.hpp"

namespace prot::bench {
namespace {

using ipc::PublishResult;
using ipc::TakeResult;

constexpr Nanos kBelt = kSecond;         // as a stage's
constexpr unsigned kFramesAStamp = 32;   // a sender that only sends reads the clock once for so many
constexpr unsigned kPollsToPrepare = 8;  // by then the other has read the frame
constexpr unsigned kPreparedFrames = 2;  // of a sender that only sends

/// The two rings of one measurement: real segments, checked and mapped by page, without a name from the
/// start, so that nothing is left behind.
class Rings {
 public:
  explicit Rings(const Setup& setup) {
    for (const char* tag : {"there", "back"}) {
      ipc::RingSpec spec;
      spec.name = tag;
      spec.producer = "left";
      spec.consumer = "right";
      spec.id = 1;
      spec.capacity = kBuffer;
      spec.max_frame = static_cast<std::uint32_t>(setup.bytes);
      const std::string name = ipc::segment_name("bench-" + std::to_string(::getpid()), "run1", tag);
      ipc::unlink_segment(name);
      (void)ipc::RingSegment::create(name, spec, "run1");
      producers.push_back(ipc::RingSegment::open(name, ipc::Role::kProducer));
      consumers.push_back(ipc::RingSegment::open(name, ipc::Role::kConsumer));
      ipc::unlink_segment(name);
    }
  }
  std::vector<ipc::RingSegment> producers;
  std::vector<ipc::RingSegment> consumers;
};

[[noreturn]] void refuse(const char* what) { throw Error(std::string("ring: ") + what); }

/// RingProducer and RingConsumer, busy. The clock is read once a hop, and once for 32 frames by one that only
/// sends: a stage has one time for everything that it does in one duty cycle. What was taken is released
/// after the answer is published, as a stage must.
class SpinRing {
 public:
  explicit SpinRing(const Setup& setup) : bytes_(setup.bytes), patience_(setup.patience), rings_(setup) {
    info_.kind = 1;
  }

  void open(unsigned end) {
    producer_.emplace(rings_.producers[end].memory());
    consumer_.emplace(rings_.consumers[1 - end].memory());
  }

  void send(const std::byte* frame) {
    if (stamps_left_ == 0) set_time(monotonic_now());
    --stamps_left_;
    for (;;) {
      const PublishResult result = producer_->publish(info_, {frame, bytes_}, sources_, now_);
      if (result == PublishResult::kOk) break;
      if (result != PublishResult::kFull) refuse("publish was refused");
      pause(patience_);
    }
    sends_ = true;
    if (!takes_) producer_->prepare(kPreparedFrames * bytes_);
    if (!release_due_) return;
    ++stamps_left_;  // the same duty cycle
    release();
  }

  void receive(std::byte* frame) {
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    release();
    for (unsigned polls = 1;; ++polls) {
      const TakeResult result = consumer_->peek(info, payload);
      if (result == TakeResult::kFrame) break;
      if (result != TakeResult::kEmpty) refuse("the ring is damaged");
      if (polls == kPollsToPrepare && sends_) producer_->prepare(bytes_);
      pause(patience_);
    }
    if (payload.size() != bytes_) refuse("wrong length");
    std::memcpy(frame, payload.data(), bytes_);
    takes_ = true;
    stamps_left_ = 0;
    release_due_ = consumer_->batch_ends();
  }

  /// The time of this duty cycle, for a caller that has just read the clock.
  void set_time(Nanos now) noexcept {
    now_ = now;
    stamps_left_ = kFramesAStamp;
  }
  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  void release() noexcept {
    if (!release_due_) return;
    if (stamps_left_ == 0) set_time(monotonic_now());
    consumer_->release(now_);
    release_due_ = false;
  }

  std::size_t bytes_;
  unsigned patience_;
  Rings rings_;
  std::optional<ipc::RingProducer> producer_;
  std::optional<ipc::RingConsumer> consumer_;
  ipc::FrameInfo info_;
  ipc::Sources sources_;
  Nanos now_ = 0;
  unsigned stamps_left_ = 0;
  bool release_due_ = false;
  bool sends_ = false;
  bool takes_ = false;
};

/// Output and Input with the stage's bells, asleep whenever there is nothing: bare poll(), no event loop.
class SleepRing {
 public:
  explicit SleepRing(const Setup& setup) : bytes_(setup.bytes), fault_(setup.fault), rings_(setup) {
    info_.kind = 1;
    for (ipc::Doorbell& bell : bells_) bell = ipc::Doorbell::create();
  }

  void open(unsigned end) {
    own_ = &bells_[end];
    const ipc::Doorbell* peer = fault_ == Fault::kNeverRings ? nullptr : &bells_[1 - end];
    output_.emplace(std::move(rings_.producers[end]), peer, clock_);
    input_.emplace(std::move(rings_.consumers[1 - end]), &bells_[1 - end], clock_);
  }

  void send(const std::byte* frame) {
    for (;;) {
      const PublishResult result = output_->publish(info_, {frame, bytes_});
      if (result == PublishResult::kOk) return;
      if (result != PublishResult::kFull) refuse("publish was refused");
      wait(*output_);
    }
  }

  void receive(std::byte* frame) {
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    for (;;) {
      const TakeResult result = input_->peek(info, payload);
      if (result == TakeResult::kFrame) break;
      if (result != TakeResult::kEmpty) refuse("the ring is damaged");
      if (!last_look()) wait(*input_);
    }
    if (payload.size() != bytes_) refuse("wrong length");
    std::memcpy(frame, payload.data(), bytes_);
    if (input_->batch_ends()) input_->release();
    busy_ = true;
  }

  void fill(Side& side) const noexcept { side.late_wakes = late_; }

 private:
  // As a stage that was busy, before it sleeps.
  bool last_look() noexcept {
    if (!busy_) return false;
    busy_ = false;
    pause(ipc::kLastLookPauses);
    return input_->has_data();
  }

  // The order of ipc/doorbell.hpp, for one ring.
  template <class Ring>
  void wait(Ring& ring) {
    ring.arm();
    if (!ring.changed()) {
      pollfd bell{own_->fd(), POLLIN, 0};
      const bool rang = ::poll(&bell, 1, kBelt / kMillisecond) > 0;
      const bool late = !rang && ring.changed();
      if (late) ++late_;
      ring.count_wake(late);
      ring.disarm();
      if (rang) own_->clear();
      return;
    }
    ring.disarm();
  }

  std::size_t bytes_;
  Fault fault_;
  Rings rings_;
  std::array<ipc::Doorbell, 2> bells_;
  const ipc::Doorbell* own_ = nullptr;
  SteadyClock clock_;
  std::optional<ipc::Output> output_;
  std::optional<ipc::Input> input_;
  ipc::FrameInfo info_;
  std::uint64_t late_ = 0;
  bool busy_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_ring(const Setup& setup) {
  if (setup.mode == Mode::kSpin) return std::make_unique<Loops<SpinRing>>(setup);
  return std::make_unique<Loops<SleepRing>>(setup);
}

}  // namespace prot::bench
