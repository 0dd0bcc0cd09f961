#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "ipc/channel.hpp"
#include "wire/frame.hpp"

namespace prot::brain {

/// Frames on their way into one output ring. Frames leave in order; when the ring is full they wait here and
/// are offered again, so nobody blocks and nothing is lost. One thread. Invariant: `published` of a frame
/// runs exactly once, when the frame is in the ring (accepted) or when its consumer is gone for good.
class Outbox {
 public:
  /// `most`: frames that may wait before the source is asked to hold back.
  /// `black_hole`: nobody reads that ring in this configuration; every frame counts as published.
  explicit Outbox(ipc::Output& output, bool black_hole = false, std::size_t most = 32)
      : output_(&output), black_hole_(black_hole), most_(most) {}

  template <wire::Payload T>
  void push(const T& head, std::string_view tail, const wire::SendOptions& options,
            std::function<void()> published = {}) {
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

  /// Publishes what fits; returns frames that left. Throws Error when the ring is damaged.
  int flush();
  /// Drops waiting frames of a voice turn (cancelled); their `published` does not run.
  void drop_turn(std::uint32_t turn);
  [[nodiscard]] bool crowded() const noexcept { return waiting_.size() >= most_; }
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
  /// Sequence in the ring that the next pushed frame will have.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept {
    return output_->next_sequence() + waiting_.size();
  }

 private:
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
  std::size_t most_;
  std::deque<Frame> waiting_;
};

}  // namespace prot::brain
