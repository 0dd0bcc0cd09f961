#pragma once

#include <memory>
#include <optional>

#include "ipc/channel.hpp"
#include "stage/context.hpp"
#include "stage/stage.hpp"
#include "synthesizer.hpp"

namespace prot::tts {

/// speech -> pcm: one segment after the other is spoken, while player still plays the ones before.
/// Single-threaded. Invariants: a speech frame is covered by the PcmSegmentEnd (PcmTurnEnd, EndOfStream) that
/// it leads to, so a restarted tts speaks an unfinished segment again from its start and no finished one;
/// every segment of a turn that is not cancelled gets its PcmSegmentEnd, failed or not.
///
///   state    | speech frame      | piece ready      | turn cancelled       | pcm full
///   waiting  | speaking, passing | -                | drop                 | -
///   speaking | stays in the ring | written          | cancel, drop, waiting| kept, offered again
///   passing  | stays in the ring | -                | drop, waiting        | kept, offered again
///   finished | -                 | -                | -                    | -
class TtsStage final : public stage::Stage {
 public:
  /// Both must outlive it.
  TtsStage(stage::StageContext& context, std::unique_ptr<Synthesizer> voice);

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
    bool started = false;  // PcmStart was written
    std::uint32_t samples = 0;
    std::optional<Piece> piece;
    std::size_t written = 0;  // of the piece: samples or points
    Nanos began_ns = 0;
    Nanos first_audio_ns = 0;
    Nanos answer_by = 0;  // an engine that is silent longer hangs
    bool retried = false;
  };
  enum class Pass { kTurnEnd, kEndOfStream };

  [[nodiscard]] int take(Nanos now);
  [[nodiscard]] bool begin_segment(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now);
  [[nodiscard]] int drop_if_cancelled();
  [[nodiscard]] int speak(Nanos now);
  [[nodiscard]] bool write_piece(Nanos now);
  [[nodiscard]] bool write_start(const Piece& piece);
  [[nodiscard]] bool write_samples(const Piece& piece);
  [[nodiscard]] bool write_alignment(const Piece& piece);
  [[nodiscard]] bool write_segment_end(bool failed, Nanos now);
  [[nodiscard]] bool pass();
  [[nodiscard]] bool retry(const Piece& piece, Nanos now);
  void finish_frame(State next);
  [[nodiscard]] ipc::Sources covering() const;
  [[nodiscard]] bool accepted(ipc::PublishResult result) const;

  stage::StageContext* context_;
  std::unique_ptr<Synthesizer> voice_;
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
