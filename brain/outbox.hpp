#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "ipc/channel.hpp"
#include "wire/memory.hpp"

namespace prot::brain {

/// Frames on their way into one output ring. Frames leave in order; when the ring is full they wait here and
/// are offered again, so nobody blocks and nothing is lost. One thread. Invariant: `published` of a frame
/// runs exactly once, when the frame is in the ring (accepted) or when its consumer is gone for good.
class Outbox {
 public:
  /// `spool_folder`: where messages go that the ring has had no room for for 2 s; empty: they wait.
  /// `black_hole`: nobody reads that ring in this configuration; every frame counts as published.
  explicit Outbox(ipc::Output& output, bool black_hole = false, std::string spool_folder = {})
      : output_(&output), black_hole_(black_hole), spool_folder_(std::move(spool_folder)) {}

  template <wire::Payload T>
  void push(const T& head, std::string_view tail, const wire::SendOptions& options,
            std::function<void()>&& published = {}) {
    if constexpr (T::kKind == wire::Kind::kUserMessage || T::kKind == wire::Kind::kReplySegment ||
                  T::kKind == wire::Kind::kReplyEnd)
      if (off_the_record_) return push(wire::Unrecorded{}, {}, options, std::move(published));
    ipc::FrameInfo info;
    info.kind = static_cast<std::uint8_t>(T::kKind);
    info.version = T::kVersion;
    info.flags = options.flags;
    info.turn = options.turn;
    info.made_ns = options.made_ns != 0 ? options.made_ns : monotonic_now();
    const auto bytes = std::as_bytes(std::span(&head, 1));
    add(info, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, tail, options.sources,
        std::move(published));
  }

  /// From now on messages pass as Unrecorded: their text goes nowhere.
  void set_off_the_record(bool off) noexcept { off_the_record_ = off; }

  /// Publishes what fits; returns frames that left. Throws Error when the ring is damaged.
  int flush();
  /// Messages that have waited too long go to the spool; requests among them are dropped. Returns how many.
  int relieve(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept {
    return spool_folder_.empty() || stuck_since_ == 0 ? kNever : stuck_since_ + kPatience;
  }
  /// Drops waiting frames of a voice turn (cancelled); their `published` does not run.
  void drop_turn(std::uint32_t turn);
  /// So many wait that the source should hold back.
  [[nodiscard]] bool crowded() const noexcept { return waiting_.size() >= kMost; }
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
  /// Frames that were dropped by drop_turn().
  [[nodiscard]] std::uint64_t stale() const noexcept { return stale_; }
  /// Sequence in the ring that the next pushed frame will have.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept {
    return output_->next_sequence() + waiting_.size();
  }

 private:
  static constexpr std::size_t kMost = 32;
  static constexpr Nanos kPatience = 2 * kSecond;
  struct Frame {
    ipc::FrameInfo info;
    std::string head;
    std::string tail;
    ipc::Sources sources;
    std::function<void()> published;
  };
  void add(const ipc::FrameInfo& info, std::string_view head, std::string_view tail,
           const ipc::Sources& sources, std::function<void()> published);

  ipc::Output* output_;
  bool black_hole_;
  [[nodiscard]] bool append_to_spool(const std::string& bytes);
  [[nodiscard]] static std::string spool_record(const Frame& frame);

  std::string spool_folder_;
  Nanos stuck_since_ = 0;  // the first frame waits since then; 0: nothing waits
  std::deque<Frame> waiting_;
  std::uint64_t stale_ = 0;
  bool spool_fails_ = false;  // it was told
  bool off_the_record_ = false;
};

}  // namespace prot::brain
