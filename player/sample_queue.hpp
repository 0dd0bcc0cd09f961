#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace prot::player {

/// At most 10 ms of one turn. `first` is the position of its first sample in all that was ever queued.
struct Chunk {
  static constexpr std::size_t kMaxSamples = 480;  // 10 ms at 48 kHz
  std::uint64_t first = 0;
  std::uint32_t turn = 0;
  std::uint32_t count = 0;
  std::int16_t samples[kMaxSamples] = {};
};

/// Samples from the loop to the audio thread, in chunks. What was read is kept until it was heard, so that
/// the reader can go back to what the device threw away. Single producer, single consumer; lock-free, RT
/// safe. Invariant: positions only rise in `push`, and chunks are contiguous.
class SampleQueue {
 public:
  static constexpr std::uint64_t kChunks = 512;  // 5 s

  // ---- loop
  /// REQUIRES: not empty, at most kMaxSamples, room() > 0.
  void push(std::uint32_t turn, std::span<const std::int16_t> samples) noexcept;
  /// Chunks that fit now.
  [[nodiscard]] std::uint64_t room() const noexcept;
  /// Position behind the last sample queued.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

  // ---- audio thread
  /// The chunk to be read next; null when there is none. Valid until release_before() passes it.
  [[nodiscard]] const Chunk* front() const noexcept;
  /// Samples of front() that were read already.
  [[nodiscard]] std::uint32_t offset() const noexcept { return offset_; }
  /// Position of the next sample to be read.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// REQUIRES: no more than is left of front().
  void advance(std::uint32_t samples) noexcept;
  /// Turn of the sample at `position`; 0: not there. REQUIRES: not released.
  [[nodiscard]] std::uint32_t turn_at(std::uint64_t position) const noexcept;
  /// Goes back to `position`. REQUIRES: not released.
  void rewind(std::uint64_t position) noexcept;
  /// Chunks that end at or before `position` may be overwritten. REQUIRES: `position` <= position().
  void release_before(std::uint64_t position) noexcept;

 private:
  [[nodiscard]] Chunk& at(std::uint64_t index) const noexcept { return chunks_[index % kChunks]; }

  std::unique_ptr<Chunk[]> chunks_ = std::make_unique<Chunk[]>(kChunks);
  alignas(64) std::atomic<std::uint64_t> written_{0};  // chunks
  std::uint64_t end_ = 0;                              // samples; loop's own
  alignas(64) std::atomic<std::uint64_t> released_{0};
  std::uint64_t read_ = 0;  // chunks; audio thread's own, as the two below
  std::uint32_t offset_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace prot::player
