#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "speech_recognizer.hpp"
#include "stage/context.hpp"
#include "stage/stage.hpp"
#include "wire/speech_in.hpp"

namespace prot::stt {

/// Utterances -> transcripts, one after the other.
///
///   state     | what comes                | does                                     | next
///   idle      | begin                     | recogniser begins                        | listening
///   idle      | end of stream             | forward it                               | finished
///   idle      | anything else             | release                                  | idle
///   listening | audio                     | push                                     | listening
///   listening | partial of its own accord | partial transcript                       | listening
///   listening | pause, nothing behind it  | guess                                    | guessing
///   guessing  | audio that is speech      | retract                                  | listening
///   guessing  | answer                    | partial transcript; keep it              | guessed
///   guessed   | audio that is speech      | forget the answer                        | listening
///   guessed   | end                       | the kept answer is final                 | answered
///   guessing  | end                       | the answer to come will be final         | deciding
///   listening | end                       | finish                                   | deciding
///   any open  | end, nothing was said     | release                                  | idle
///   any open  | begin, end of stream,     | as an end at the frame before            | as above
///             | or capture gone for good  |                                          |
///   deciding  | answer                    | -                                        | answered
///   deciding  | failure to retry, once,   | finish again, after what a service asks  | deciding
///             | within kRetryWithin       | to wait (kLongestWait at most)           |
///   deciding  | failure, or kPatience     | failed transcript                        | answered
///   answered  | room in `transcript`      | publish, release the utterance           | idle
///
/// Any open is listening, guessing or guessed. Silence behind a pause does not change the guess: it covers
/// the same speech. Frames of an utterance stay in `mic` until its final transcript is published, and that
/// frame says what it covers, so a restarted stt recognises it again or not at all, never twice and never
/// not. Threads: the loop's; the recogniser has its own. Lifetime: within the context's.
class SttStage final : public stage::Stage {
 public:
  SttStage(stage::StageContext& context, std::unique_ptr<SpeechRecognizer> recognizer);
  ~SttStage() override;

  void start() override;
  int do_work(Nanos now) override;
  [[nodiscard]] Nanos next_deadline(Nanos now) const override;
  [[nodiscard]] bool finished() const override { return state_ == State::kFinished; }
  void stop() noexcept override;

 private:
  enum class State { kIdle, kListening, kGuessing, kGuessed, kDeciding, kAnswered, kFinished };

  /// The utterance in hand.
  struct Utterance {
    std::uint32_t number = 0;
    wire::MicEnd end{};            // times as far as they are known
    std::uint64_t last_frame = 0;  // sequence of the last frame that belongs to it
    std::uint32_t pauses = 0;
    bool spoke = false;
    unsigned silent_windows = 0;     // since the last speech
    std::vector<std::int16_t> held;  // silence that only speech behind it makes worth recognising
    std::optional<Recognition> guess;
    bool retried = false;
    Nanos retry_at = 0;  // 0: an answer is awaited, or none is wanted
    Nanos deciding_since = 0;
  };
  struct Outgoing {
    wire::Transcript head;
    std::string text;
  };

  int read_mic(Nanos now);
  int read_names();
  [[nodiscard]] bool take(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now);
  void begin(const ipc::FrameInfo& info, const wire::MicStart& head);
  void audio(const ipc::FrameInfo& info, const wire::MicAudio& head, std::span<const std::byte> tail);
  void pause(const wire::MicPause& head);
  void end(const wire::MicEnd& head, Nanos now);
  void decide(Nanos now);
  int read_answers(Nanos now);
  void conclude(const Recognition& answer);
  void offer_partial(const Recognition& heard);
  void offer_guess();
  [[nodiscard]] bool publish_final();
  void forward_end_of_stream();
  [[nodiscard]] wire::Transcript head_of(wire::TranscriptKind what, const Recognition& answer) const;
  [[nodiscard]] bool open() const noexcept;
  void tell_busy();
  void show_engine();

  stage::StageContext& context_;
  ipc::Input& mic_;
  ipc::Input& names_;
  ipc::Output& transcript_;
  const std::size_t mic_index_;
  std::unique_ptr<SpeechRecognizer> recognizer_;
  const bool partials_;
  const bool use_names_;
  std::string engine_;  // as it is on the board
  ipc::Word& utterances_;
  ipc::Word& guesses_;
  ipc::Word& guesses_used_;
  ipc::Word& failures_;
  ipc::Word& bad_frames_;
  ipc::Word& decode_ms_;
  ipc::Word& pause_words_;

  State state_ = State::kIdle;
  Utterance utterance_;
  std::optional<Outgoing> final_;
};

/// The stage with the recognisers that the configuration names. Throws Error, UsageError.
[[nodiscard]] std::unique_ptr<stage::Stage> make_stt_stage(stage::StageContext& context);

}  // namespace prot::stt
