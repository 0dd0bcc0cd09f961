#pragma once

#include "wire/frame.hpp"

/// What is heard: mic (capture -> stt), hearing (capture -> brain), transcript (stt -> brain).
/// On these rings the record's `turn` is the utterance number. All times are CLOCK_MONOTONIC nanoseconds,
/// derived from the sample clock (sample index -> time), so that they name the moment at the microphone.
namespace prot::wire {

inline constexpr unsigned kMicRate = 16000;
inline constexpr unsigned kMicWindow = 512;

/// A speech segment begins; its pre-roll follows as ordinary audio.
struct MicStart {
  static constexpr Kind kKind = Kind::kMicStart;
  static constexpr std::uint8_t kVersion = 1;
  std::uint64_t first_sample;  // of the pre-roll, on capture's sample clock
  Nanos speech_start_ns;
  std::uint32_t pre_roll_samples;
  std::uint32_t reserved = 0;
};

/// One window of 512 samples; tail: int16 samples. made_ns of the record: time of the first sample at the
/// ADC.
struct MicAudio {
  static constexpr Kind kKind = Kind::kMicAudio;
  static constexpr std::uint8_t kVersion = 1;
  std::uint64_t first_sample;
  float speech_probability;
  std::uint32_t missing_samples;  // dropped before this window (gap)
  std::uint32_t is_speech;        // counted as speech of the segment: takes a guess back
  std::uint32_t reserved = 0;
};

/// The person paused: decoding may start on a guess. Audio that follows takes it back.
struct MicPause {
  static constexpr Kind kKind = Kind::kMicPause;
  static constexpr std::uint8_t kVersion = 1;
  Nanos speech_end_ns;
};

inline constexpr float kNoProbability = -1;

/// The segment is over: the end of turn was decided at decided_ns, after a silence of wait_ms.
struct MicEnd {
  static constexpr Kind kKind = Kind::kMicEnd;
  static constexpr std::uint8_t kVersion = 2;
  Nanos speech_start_ns;
  Nanos speech_end_ns;
  Nanos decided_ns;
  std::uint32_t confirmed;             // 0: too short, nothing to recognise
  std::uint32_t wait_ms = 0;           // by the sample clock, from the end of speech
  float probability = kNoProbability;  // that the turn is over, as the end-of-turn model said
  std::uint32_t reserved = 0;
};

enum class Heard : std::uint32_t {
  kStarted = 1,  // first windows of speech: barge-in is suspected
  kConfirmed,    // sustained speech
  kPaused,       // silence began
  kEnded,        // end of turn
  kDiscarded,    // too short to be speech
};

struct Hearing {
  static constexpr Kind kKind = Kind::kHearing;
  static constexpr std::uint8_t kVersion = 1;
  Heard what;
  float level_db;
  Nanos at_ns;       // when it happened at the microphone
  Nanos decided_ns;  // when capture knew
};

enum class TranscriptKind : std::uint32_t { kPartial = 1, kFinal, kFailed };

/// Tail: UTF-8 text; for kFailed the reason.
struct Transcript {
  static constexpr Kind kKind = Kind::kTranscript;
  static constexpr std::uint8_t kVersion = 2;
  TranscriptKind what;
  std::uint32_t audio_ms;
  Nanos speech_start_ns;
  Nanos speech_end_ns;
  Nanos end_decided_ns;   // end of turn decided (0 for partials)
  Nanos decode_start_ns;  // timed inside the engine
  Nanos decode_end_ns;
  std::uint32_t end_wait_ms = 0;           // MicEnd's; 0 for partials
  float end_probability = kNoProbability;  // likewise
};

}  // namespace prot::wire
