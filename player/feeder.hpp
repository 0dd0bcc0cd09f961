#pragma once

#include <optional>
#include <span>
#include <vector>

#include "audio/resampler.hpp"
#include "playout.hpp"
#include "timeline.hpp"

namespace prot::player {

/// From where a restarted player goes on: the playback page of the one before.
struct ResumePoint {
  std::uint32_t turn = 0;
  std::uint32_t segment = 0;
  std::uint32_t samples = 0;
  std::uint32_t bytes = 0;
  std::uint32_t rate = 0;
};

/// The first sample of a turn that one can hear, for the latency that a person feels.
struct Onset {
  std::uint32_t turn = 0;
  std::uint32_t segment = 0;
  std::uint64_t position = 0;
  Nanos synthesis_start_ns = 0;
  Nanos first_pcm_ns = 0;
};

/// pcm frames -> samples in the queue at the device's rate, with their spans in the timeline: silence between
/// segments, and the parts that were heard before left out. Not thread-safe. Lifetime: no longer than both.
class Feeder {
 public:
  Feeder(Playout& playout, Timeline& timeline, Nanos sentence_silence)
      : playout_(&playout), timeline_(&timeline), sentence_silence_(sentence_silence) {}

  void resume_at(const ResumePoint& point) { resume_ = point; }

  /// `quiet_since`: when the sound before it ends, at the DAC; kNever: that is not known yet.
  void start(std::uint32_t turn, const wire::PcmStart& head, Nanos made_ns, Nanos quiet_since, Nanos now);
  void align(std::uint32_t turn, const wire::PcmAlign& head, std::span<const std::byte> points);
  void audio(std::uint32_t turn, const wire::PcmAudio& head, std::span<const std::byte> samples,
             Nanos made_ns);
  void end(std::uint32_t turn, const wire::PcmSegmentEnd& head, std::uint64_t sequence);
  /// Forgets the segment that comes in if its turn is <= `turn`.
  void drop_through(std::uint64_t turn);

  /// A segment has begun and not ended.
  [[nodiscard]] bool open() const noexcept { return open_; }
  /// Position behind the newest sample queued that is not zero.
  [[nodiscard]] std::uint64_t sound_end() const noexcept { return sound_end_; }
  /// Of the newest segment.
  [[nodiscard]] std::uint32_t turn() const noexcept { return current_turn_; }
  /// Of the newest turn with something audible.
  [[nodiscard]] const std::optional<Onset>& onset() const noexcept { return onset_; }

 private:
  void restart(std::uint32_t turn, const wire::PcmStart& head);
  void begin_span(std::uint32_t turn, std::uint32_t segment, std::uint32_t rate, std::uint32_t text_bytes,
                  std::uint32_t skip_samples, std::uint32_t skip_bytes);
  [[nodiscard]] bool is_current(std::uint32_t turn, std::uint32_t segment) const noexcept;
  void note_onset(std::span<const std::int16_t> samples);
  void queue(std::uint32_t turn, std::span<const std::int16_t> samples);
  void queue_resampled();
  void lead_to_zero(std::uint32_t turn);

  Playout* playout_;
  Timeline* timeline_;
  Nanos sentence_silence_;
  ResumePoint resume_;
  std::optional<audio::Resampler> resampler_;
  unsigned resampler_rate_ = 0;
  std::vector<std::int16_t> resampled_;
  std::vector<std::int16_t> input_;
  bool open_ = false;
  std::uint32_t current_turn_ = 0;  // of the span that comes in
  std::uint32_t skip_samples_ = 0;  // of its segment: heard before
  std::uint32_t skip_bytes_ = 0;    // the same by text; the samples follow from the alignment
  std::uint32_t fade_in_ = 0;       // samples left at the queue's rate
  std::int16_t last_sample_ = 0;
  std::uint64_t sound_end_ = 0;
  Nanos made_ns_ = 0;
  Nanos first_pcm_ns_ = 0;
  std::optional<Onset> onset_;
};

}  // namespace prot::player
