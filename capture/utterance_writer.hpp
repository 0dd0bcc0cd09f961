#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ipc/channel.hpp"
#include "wire/speech_in.hpp"

namespace prot::capture {

/// Writes one person's turn after the other to `mic`, and its marks to `hearing`. Never waits: audio that
/// finds no room is dropped and the next frame says how much; an utterance whose begin finds none is not
/// written at all; the end of one that was begun is kept and offered again, because stt waits for it. One
/// thread (the loop). Lives no longer than the outputs. RT safe like Output::publish. Invariant: on `mic`
/// begin and end alternate, and utterance numbers rise, over restarts too.
class UtteranceWriter {
 public:
  /// `number`, `open_number`: words on the board that survive this process: the newest utterance, and the one
  /// whose end is not written yet (0: none).
  UtteranceWriter(ipc::Output& mic, ipc::Output& hearing, ipc::Word& number, ipc::Word& open_number);

  /// Utterance numbers go on above `newest` too. An utterance that a predecessor left open is ended.
  void resume(std::uint32_t newest, Nanos now);

  void begin(std::uint64_t first_sample, std::uint32_t pre_roll_samples, Nanos speech_start, Nanos at);
  void audio(std::span<const std::int16_t> samples, const wire::MicAudio& head, Nanos at);
  void pause(Nanos speech_end);
  void end(const wire::MicEnd& mark);
  void heard(wire::Heard what, Nanos at, Nanos decided, double level_db);

  /// Offers again what was kept. False: something still waits.
  [[nodiscard]] bool flush();
  /// EndOfStream on both rings. False: not yet, call again.
  [[nodiscard]] bool end_of_stream();

  [[nodiscard]] std::uint32_t utterance() const noexcept { return utterance_; }

 private:
  struct PendingEnd {
    wire::MicEnd mark;
    std::uint32_t utterance;
  };

  ipc::Output& mic_;
  ipc::Output& hearing_;
  ipc::Word& number_;
  ipc::Word& open_number_;
  std::uint32_t utterance_ = 0;
  bool begun_ = false;         // its begin is on `mic`
  std::uint32_t missing_ = 0;  // samples that found no room since the last frame
  std::optional<PendingEnd> pending_end_;
  bool resync_ = false;
  bool mic_ended_ = false;
  bool hearing_ended_ = false;
};

}  // namespace prot::capture
