#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "ipc/turn_log.hpp"

namespace prot::json {
class View;
}

namespace prot::brain {

/// Where the time of one voice turn went: one CLOCK_MONOTONIC stamp for each step, 0 when it is unknown.
/// The engines' stamps were taken inside the engines.
struct Waterfall {
  std::uint32_t turn = 0;
  std::uint32_t utterance = 0;
  std::string heard;
  std::string reply;
  bool interrupted = false;
  bool failed = false;
  bool preemptive = false;  // the model was asked before the turn was sure to be over
  std::string model;        // what answered
  Nanos speech_start = 0;
  Nanos speech_end = 0;
  Nanos end_decided = 0;
  Nanos decode_start = 0;
  Nanos decode_end = 0;
  Nanos final_transcript = 0;
  Nanos request = 0;
  Nanos first_token = 0;
  Nanos first_segment = 0;
  Nanos synthesis_start = 0;
  Nanos first_pcm = 0;
  Nanos written = 0;
  Nanos audible = 0;
  Nanos interrupt_onset = 0;
  Nanos interrupt_decided = 0;
  std::uint32_t end_wait_ms = 0;  // the silence that ended the person's turn
  float end_probability = -1;     // that it was the end, by capture's model; -1: it did not say
  Nanos notice = 0;               // prot said by itself that it takes longer
  std::uint32_t recall_tokens = 0;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_tokens = 0;

  /// The "turn" object of chat.sock and turns.jsonl, without a line end.
  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] static Waterfall from_json(json::View object);
  /// What of it is for the board.
  [[nodiscard]] ipc::TurnTimes times() const;
};

/// Appends a line to a file. A failure is logged: the conversation matters more.
void append_line(const std::string& path, std::string_view line);

}  // namespace prot::brain
