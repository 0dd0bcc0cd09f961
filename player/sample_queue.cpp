#include "sample_queue.hpp"

#include "base/copy_bytes.hpp"

namespace prot::player {

void SampleQueue::push(std::uint32_t turn, std::span<const std::int16_t> samples) noexcept {
  const std::uint64_t index = written_.load(std::memory_order_relaxed);
  Chunk& chunk = at(index);
  chunk.first = end_;
  chunk.turn = turn;
  chunk.count = static_cast<std::uint32_t>(samples.size());
  copy_bytes(chunk.samples, samples.data(), samples.size_bytes());
  end_ += samples.size();
  written_.store(index + 1, std::memory_order_seq_cst);  // pairs with the sleeper's flag (Playout::wait)
}

std::uint64_t SampleQueue::room() const noexcept {
  return kChunks - (written_.load(std::memory_order_relaxed) - released_.load(std::memory_order_acquire));
}

const Chunk* SampleQueue::front() const noexcept {
  return read_ == written_.load(std::memory_order_seq_cst) ? nullptr : &at(read_);
}

void SampleQueue::advance(std::uint32_t samples) noexcept {
  offset_ += samples;
  position_ += samples;
  if (offset_ < at(read_).count) return;
  offset_ = 0;
  ++read_;
}

std::uint32_t SampleQueue::turn_at(std::uint64_t position) const noexcept {
  const std::uint64_t written = written_.load(std::memory_order_acquire);
  for (std::uint64_t i = released_.load(std::memory_order_relaxed); i < written; ++i)
    if (position >= at(i).first && position < at(i).first + at(i).count) return at(i).turn;
  return 0;
}

void SampleQueue::rewind(std::uint64_t position) noexcept {
  const std::uint64_t oldest = released_.load(std::memory_order_relaxed);
  while (position_ > position && (offset_ > 0 || read_ > oldest)) {
    if (offset_ == 0) {
      --read_;
      offset_ = at(read_).count;
    }
    const std::uint64_t back = position_ - position;
    const auto step = back < offset_ ? static_cast<std::uint32_t>(back) : offset_;
    offset_ -= step;
    position_ -= step;
  }
}

void SampleQueue::release_before(std::uint64_t position) noexcept {
  std::uint64_t oldest = released_.load(std::memory_order_relaxed);
  while (oldest < read_ && at(oldest).first + at(oldest).count <= position) ++oldest;
  released_.store(oldest, std::memory_order_release);
}

}  // namespace prot::player
