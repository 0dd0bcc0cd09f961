#pragma once

#include <memory>
#include <optional>

#include "ipc/channel.hpp"
#include "pronunciations.hpp"
#include "spoken_form.hpp"
#include "stage/context.hpp"
#include "stage/stage.hpp"
#include "synthesizer.hpp"

namespace prot::tts {

/// speech -> pcm: one segment after the other is spoken, while player still plays the ones before.
/// Single-threaded. Invariants: a speech frame is covered by the PcmSegmentEnd (PcmTurnEnd, EndOfStream) that
/// it leads to, so a restarted tts speaks an unfinished segment again from its start and no finished one;
/// every segment of a turn that is not cancelled gets its PcmSegmentEnd, failed or not. What is read aloud is
/// the spoken form of a text; alignment, as everything that others see, is about the text itself.
///
///   state    | speech frame      | piece ready      | turn cancelled       | pcm full
///   waiting  | speaking, passing | -                | drop                 | -
///   speaking | stays in the ring | written          | cancel, drop, waiting| kept, offered again
///   passing  | stays in the ring | -                | drop, waiting        | kept, offered again
///   finished | -                 | -                | -                    | -
class TtsStage final : public stage::Stage {
 public:
  /// `context` must outlive it.
  TtsStage(stage::StageContext& context, std::unique_ptr<Synthesizer> voice,
           Pronunciations pronunciations = {});

  void start() override;
  int do_work(Nanos now) override;
  [[nodiscard]] Nanos next_deadline(Nanos now) const override;
  [[nodiscard]] bool finished() const override { return state_ == State::kFinished; }
  void stop() noexcept override;

 private:
  enum class State { kWaiting, kSpeaking, kPassing, kFinished };
  struct Job {
    std::uint64_t covers = 0;  // 1 + sequence of the speech frame; 0: there is none
    std::uint32_t turn = 0;
    SpeechRequest request;
    std::string text;  // as it came; the request has its spoken form
    SpokenForm form;
    std::uint32_t aligned = 0;  // bytes of the text
    bool joins = false;         // it goes on with the sentence of the segment before
    bool started = false;       // PcmStart was written
    bool anew = false;          // not for the first time
    bool notice = false;        // what is played is none of the text
    std::uint32_t samples = 0;
    std::optional<Piece> piece;
    std::size_t written = 0;  // of the piece: samples or points
    Nanos began_ns = 0;
    Nanos first_audio_ns = 0;
    Nanos answer_by = 0;  // an engine that is silent longer hangs
  };
  enum class Pass { kTurnEnd, kEndOfStream };

  [[nodiscard]] int take(Nanos now);
  [[nodiscard]] bool begin_segment(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now);
  [[nodiscard]] int drop_if_cancelled();
  [[nodiscard]] int speak(Nanos now);
  [[nodiscard]] bool next_piece(Nanos now);
  [[nodiscard]] bool write_piece(Nanos now);
  [[nodiscard]] bool write_start(const Piece& piece);
  [[nodiscard]] bool write_samples(const Piece& piece);
  [[nodiscard]] bool write_alignment(const Piece& piece);
  [[nodiscard]] bool write_segment_end(bool failed, Nanos now);
  [[nodiscard]] bool pass();
  void begin_anew(bool notice);
  void finish_frame(State next);
  void show_engine();
  [[nodiscard]] ipc::Sources covering() const;
  [[nodiscard]] bool accepted(ipc::PublishResult result) const;

  stage::StageContext* context_;
  std::unique_ptr<Synthesizer> voice_;
  Pronunciations pronunciations_;
  std::string engine_;  // as it is on the board
  ipc::Input* speech_;
  ipc::Output* pcm_;
  std::size_t source_;
  State state_ = State::kWaiting;
  Job job_;
  Pass pass_ = Pass::kTurnEnd;
  std::uint32_t turn_segments_ = 0;
};

/// The stage with the voices that the configuration names. Throws Error, UsageError.
[[nodiscard]] std::unique_ptr<stage::Stage> make_tts_stage(stage::StageContext& context);

}  // namespace prot::tts
