#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "wire/speech_out.hpp"

namespace prot::player {

/// A segment, or what is left of it after tts was restarted, as it lies in the queue.
struct Span {
  std::uint32_t turn = 0;
  std::uint32_t segment = 0;
  std::uint32_t rate = 0;  // Hz of its samples
  std::uint32_t text_bytes = 0;
  std::uint64_t begin = 0;         // position of the first sample that is played
  std::uint64_t end = 0;           // position behind the last one queued
  std::uint32_t first_sample = 0;  // sample of the segment at `begin`
  std::uint32_t samples = 0;       // of the segment that came so far
  std::uint32_t skip_bytes = 0;    // its text up to here was heard before
  std::vector<wire::AlignPoint> alignment;
  bool ended = false;  // all its samples are queued
  bool failed = false;
  bool replaced = false;           // a newer span of the same segment follows
  std::uint64_t end_sequence = 0;  // of its PcmSegmentEnd

  /// Samples and text bytes of the segment that are spoken at `position`; bytes end at a word's end.
  struct Place {
    std::uint32_t samples = 0;
    std::uint32_t bytes = 0;
  };
  [[nodiscard]] Place place(std::uint64_t position, unsigned queue_rate) const noexcept;
  /// Text bytes whose words are complete within the first `count` samples of the segment.
  [[nodiscard]] std::uint32_t bytes_at(std::uint32_t count) const noexcept;
  /// The first sample behind the word that ends at `bytes`.
  [[nodiscard]] std::uint32_t sample_after(std::uint32_t bytes) const noexcept;
};

/// What lies in the queue and is not wholly heard, oldest first. Not thread-safe.
class Timeline {
 public:
  explicit Timeline(unsigned queue_rate) noexcept : queue_rate_(queue_rate) {}

  Span& add(Span span);
  [[nodiscard]] bool empty() const noexcept { return spans_.empty(); }
  [[nodiscard]] Span& front() noexcept { return spans_.front(); }
  [[nodiscard]] const Span& front() const noexcept { return spans_.front(); }
  [[nodiscard]] Span& back() noexcept { return spans_.back(); }
  void pop_front() { spans_.pop_front(); }
  /// Drops every span of a turn <= `turn`.
  void drop_through(std::uint64_t turn);
  [[nodiscard]] bool has_turn(std::uint32_t turn) const noexcept;
  [[nodiscard]] unsigned queue_rate() const noexcept { return queue_rate_; }

 private:
  unsigned queue_rate_;
  std::deque<Span> spans_;
};

}  // namespace prot::player
