#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "voices/elevenlabs_protocol.hpp"

namespace prot::tts::elevenlabs {

/// What has come of one segment: chunks of ElevenLabs in, pieces of a voice out. Not thread-safe. Invariants:
/// alignment rises, comes before the samples that it is about, and is never beyond them; a sample that two
/// chunks share is whole.
class Take {
 public:
  enum class Times { kFromChunk, kFromStart };
  Take(std::string text, unsigned rate, Times times, Nanos began) noexcept;

  /// `at`: when it came.
  void take(const Chunk& chunk, Nanos at, std::deque<Piece>& out);
  /// Nothing more comes: what is missing of the alignment, and kDone.
  void finish(std::deque<Piece>& out);
  /// Every character that is said has come, and the sound of it.
  [[nodiscard]] bool complete() const noexcept;
  /// There is sound, and nothing is known to be missing: what the service writes in another way, or leaves
  /// out, never comes as a character of the text.
  [[nodiscard]] bool may_be_complete() const;
  [[nodiscard]] bool has_audio() const noexcept { return samples_ > 0; }
  [[nodiscard]] bool has_alignment() const noexcept { return end_ > 0; }
  [[nodiscard]] Piece piece(Piece::Kind kind) const;

 private:
  [[nodiscard]] std::vector<wire::AlignPoint> align(const Chunk& chunk, std::uint64_t coming);
  [[nodiscard]] bool advance(std::string_view character);

  std::string text_;
  unsigned rate_;
  Times times_;
  Nanos began_;
  Nanos first_audio_ = 0;
  std::uint64_t samples_ = 0;
  std::size_t byte_ = 0;         // of the text, aligned
  std::uint64_t end_ = 0;        // sample at which that ends, by the service
  std::uint64_t other_end_ = 0;  // the same of what came behind it and is not in the text; 0: nothing
  std::uint64_t last_ = 0;       // sample of the last point
  std::string rest_;             // half a sample
};

}  // namespace prot::tts::elevenlabs
