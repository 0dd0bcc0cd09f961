#pragma once

#include "wire/frame.hpp"

/// What is said: speech (brain -> tts), pcm (tts -> player), playback (player -> brain), echo (player ->
/// capture). The record's `turn` is the voice turn; frames of a turn <= the board's cancelled turn are stale.
namespace prot::wire {

/// Text segment n of the turn; tail: UTF-8 text to be spoken (already speakable).
struct Segment {
  static constexpr Kind kKind = Kind::kSegment;
  static constexpr std::uint8_t kVersion = 2;
  std::uint32_t segment;    // 0, 1, ...
  char language[4];         // "en", "ko"
  std::uint32_t joins = 0;  // 1: it goes on with the sentence of the segment before: no silence between them
};

/// No more segments in this turn: on every path, error and cancel included.
struct TurnEnd {
  static constexpr Kind kKind = Kind::kTurnEnd;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t segments;
  std::uint32_t reserved = 0;
};

/// A segment's samples follow. made_ns of the record: when the voice engine began. A second one for the
/// segment that is under way (kFlagRestarted: tts was restarted, or another voice has taken over): what is
/// queued is played, then player goes on with the first word that is not wholly in it.
struct PcmStart {
  static constexpr Kind kKind = Kind::kPcmStart;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t segment;
  std::uint32_t sample_rate;
  std::uint32_t text_bytes;
  std::uint32_t joins = 0;  // as in Segment
};

/// Tail: int16 mono samples.
struct PcmAudio {
  static constexpr Kind kKind = Kind::kPcmAudio;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t segment;
  std::uint32_t first_sample;  // within the segment
};

/// Tail: pairs of AlignPoint, rising: up to text byte `byte`, `sample` samples of the segment have been
/// spoken.
struct PcmAlign {
  static constexpr Kind kKind = Kind::kPcmAlign;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t segment;
  std::uint32_t count;
};
struct AlignPoint {
  std::uint32_t byte;
  std::uint32_t sample;
};

struct PcmSegmentEnd {
  static constexpr Kind kKind = Kind::kPcmSegmentEnd;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t segment;
  std::uint32_t samples;
  Nanos synthesis_start_ns;  // timed inside the engine
  Nanos first_audio_ns;
  std::uint32_t failed;  // 1: the voice failed, the segment was not (wholly) spoken
  std::uint32_t reserved = 0;
};

struct PcmTurnEnd {
  static constexpr Kind kKind = Kind::kPcmTurnEnd;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t segments;
  std::uint32_t reserved = 0;
};

enum class Played : std::uint32_t {
  kStarted = 1,  // first sample of the first segment is at the DAC at at_ns
  kHeard,        // position, a few times a second
  kSegmentDone,
  kTurnDone,
  kCutAt,  // the turn was cancelled; this is what was heard
};

/// What the loudspeaker has said, by the device's own account.
struct Playback {
  static constexpr Kind kKind = Kind::kPlayback;
  static constexpr std::uint8_t kVersion = 1;
  Played what;
  std::uint32_t segment;
  std::uint32_t samples_heard;  // of that segment
  std::uint32_t bytes_heard;    // of that segment's text, by its alignment, at a word's end
  Nanos at_ns;                  // at the DAC
  Nanos synthesis_start_ns;     // kStarted: when the voice engine began (made_ns of PcmStart)
  Nanos first_pcm_ns;           // kStarted: when tts made the first samples
  Nanos written_ns;             // kStarted: when they were given to the device
};

/// The far end for echo cancellation; tail: int16 mono samples as played. made_ns of the record: time at the
/// DAC. Without samples: something will be played at once, and frames with it follow, those of a pause before
/// it, too.
struct Echo {
  static constexpr Kind kKind = Kind::kEcho;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t sample_rate;
  std::uint32_t count;
};

}  // namespace prot::wire
