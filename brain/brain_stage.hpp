#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chat_server.hpp"
#include "parts.hpp"
#include "reading_rate.hpp"
#include "stage/stage.hpp"
#include "text_turns.hpp"
#include "tools/tool_source.hpp"
#include "voice_turns.hpp"

namespace prot::brain {

/// Owns the conversation: transcripts in, streamed reply text out, memory asked, interruption decided.
/// This class only moves frames and events between the rings, the model, the chat clients and the two kinds
/// of turns, and runs the drain:
///
///   drain    | until
///   open     | end of stream on `transcript` (or stt is gone)
///   finish   | the reply under way is over; then end of stream on `speech`
///   playback | end of stream on `playback` (or the player is gone); then end of stream on `turns`
///   flush    | the outboxes are empty
///   done     |
///
/// One thread (the loop's). The model's worker only rings the bell.
class BrainStage final : public stage::Stage {
 public:
  BrainStage(stage::StageContext& context, std::unique_ptr<LanguageModel> model,
             std::vector<std::unique_ptr<ToolBackend>> tools,
             std::unique_ptr<ToolSource> more_tools = nullptr);
  ~BrainStage() override;

  void start() override;
  /// The model has read what every request begins with; at the start of a run that is waited for.
  [[nodiscard]] bool ready(Nanos now) const override;
  int do_work(Nanos now) override;
  [[nodiscard]] Nanos next_deadline(Nanos now) const override;
  [[nodiscard]] bool finished() const override { return drain_ == DrainStep::kDone; }
  void stop() noexcept override;

 private:
  enum class DrainStep { kOpen, kFinish, kPlayback, kFlush, kDone };

  int pump_hearing(Nanos now);
  int pump_transcript(Nanos now);
  int pump_playback(Nanos now);
  int pump_model(Nanos now);
  int pump_chat(Nanos now);
  int pump_drain(Nanos now);
  void count();
  void tell_engine();
  void limit_memory();
  int look_for_tools(Nanos now);

  stage::StageContext& context_;
  std::unique_ptr<LanguageModel> model_;
  std::unique_ptr<ToolSource> more_tools_;
  ChatServer server_;
  Parts parts_;
  VoiceTurns voice_;
  TextTurns texts_;
  DrainStep drain_ = DrainStep::kOpen;
  bool transcript_over_ = false;
  bool playback_over_ = false;
  bool pressed_ = false;  // drain "now" was obeyed
  std::uint64_t bad_frames_ = 0;
  std::string engine_;  // as told to the board
  ReadingRate reading_;
  Nanos memory_read_;  // what a memory block may take the model
  Nanos warm_until_ = 0;
  std::string tool_words_;
  Nanos words_at_ = 0;  // looked at again then
};

}  // namespace prot::brain
