#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "interjections.hpp"
#include "loudspeaker.hpp"
#include "memory_words.hpp"
#include "parts.hpp"
#include "patience.hpp"
#include "preparation.hpp"
#include "reply.hpp"
#include "state_limits.hpp"
#include "turn_taking.hpp"
#include "voice_model.hpp"
#include "voice_settings.hpp"
#include "wire/speech_in.hpp"

namespace prot::brain {

/// The spoken conversation: utterances in, replies out, one at a time. Knows no ring but the outboxes; the
/// stage hands it frames and model events. One thread.
class VoiceTurns {
 public:
  enum class Taken {
    kDone,   // release the frame
    kLater,  // keep it, offer it again: a reply is under way
    kHeld,   // it is released by itself once its message was accepted
  };

  VoiceTurns(Parts& parts, VoiceSettings settings);
  /// Takes up what a predecessor left.
  void start(Nanos now);

  void on_hearing(const ipc::FrameInfo& info, const wire::Hearing& hearing, Nanos now);
  [[nodiscard]] Taken on_transcript(const ipc::FrameInfo& info, const wire::Transcript& transcript,
                                    std::string_view text, Nanos now);
  [[nodiscard]] Taken on_playback(const ipc::FrameInfo& info, const wire::Playback& playback, Nanos now);
  void on_model(const ModelEvent& event, Nanos now);
  /// Timers. Returns 1 when something happened.
  int tick(Nanos now);
  [[nodiscard]] Nanos next_deadline() const;

  /// No reply under way.
  [[nodiscard]] bool quiet() const noexcept { return !reply_.has_value(); }
  /// The model works for the voice: text has to wait.
  [[nodiscard]] bool generating() const noexcept;
  /// Drain "now": cuts the reply; utterances that still come are kept but not answered.
  void cut_short(Nanos now);
  void new_conversation(Nanos now);
  /// Memory told a restarted brain what was said in that conversation.
  void on_history(const wire::ConversationId& conversation);
  /// A frame of that ring waits until its message is accepted: read no further.
  [[nodiscard]] bool transcript_held() const noexcept { return transcript_held_; }
  [[nodiscard]] bool playback_held() const noexcept { return playback_held_; }
  [[nodiscard]] State state() const noexcept { return turn_taking_.state(); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return turn_taking_.refused(); }
  [[nodiscard]] const VoiceCounts& counts() const noexcept { return counts_; }
  [[nodiscard]] const Watchdogs& watchdogs() const noexcept { return watchdogs_; }

 private:
  struct Waiting {  // what for, and since when
    Watch watch;
    Nanos since;
  };
  static constexpr Nanos kCutWait = find_limit(State::kInterrupted, Watch::kCutAt)->limit;

  // voice_hearing.cpp: the person
  void listen(Nanos now);
  void act(BargeAction action, Nanos now);
  void interrupt(std::uint32_t utterance, bool silenced, Nanos now);
  Words take_words(std::uint32_t utterance, std::string_view words, bool final, Nanos began, Nanos now);
  void drop_own_voice(std::uint32_t utterance, std::string_view words);
  Taken pass_over(std::uint32_t utterance, std::string_view words, Words kind, Nanos now);
  void begin(const ipc::FrameInfo& info, const wire::Transcript& transcript, const std::string& text,
             Nanos now);
  void nothing_understood(const ipc::FrameInfo& info, const wire::Transcript& transcript, Nanos now);
  void say_notice(Notice notice, TurnRecord record, Nanos now);
  void say_own(const std::vector<std::string>& pieces, TurnRecord record, Nanos now);
  Taken obey(MemoryWish wish, const ipc::FrameInfo& info, const wire::Transcript& transcript,
             std::string_view words, Nanos now);
  void ask_for_patience(Nanos now), give_up_listening();
  MemoryTalk::Result talk_of_memory(std::string_view words, Nanos began, Nanos now);
  Taken say_of_memory(const std::vector<std::string>& pieces, TurnRecord record, Nanos now);
  [[nodiscard]] bool is_own_voice(Nanos speech_start) const noexcept;
  [[nodiscard]] TurnRecord new_record(std::uint32_t utterance);
  [[nodiscard]] TurnRecord new_record(const ipc::FrameInfo& info, const wire::Transcript& transcript);

  // voice_watch.cpp: what lasts too long
  [[nodiscard]] Waiting waiting() const noexcept;
  bool watch(Nanos now), player_gone(Nanos now);
  void give_reply_up(Nanos now);

  // voice_recovery.cpp: what a predecessor left
  void recover(TurnRecord record, Nanos now);
  void go_on(TurnRecord record, const std::vector<SpokenSegment>& lost, Nanos now);

  // voice_playback.cpp: the player
  void settle_from_board();
  void became_audible(const wire::Playback& playback, Nanos now);
  void note_silence();

  // voice_turns.cpp: the reply
  void ask_model(Nanos now);
  bool tell_to_wait(Nanos now);
  [[nodiscard]] Nanos wait_notice_at() const noexcept;
  void end_reply(Nanos now);
  void fail(http::ErrorClass error, const std::string& why, Nanos now);
  void cancel_reply(Nanos now);
  void commit(Nanos now, const ipc::FrameInfo* last = nullptr);
  void set_hold(Nanos until), entered(State state);
  /// A reply is under way that can still be cancelled.
  [[nodiscard]] bool is_replying() const noexcept { return reply_ && reply_->phase() != Reply::Phase::kCut; }
  [[nodiscard]] ReplyView reply_view() const noexcept;
  [[nodiscard]] Reply::Links links() {
    return {&parts_.speech, &parts_.turns, &parts_.journal, parts_.language, &parts_.publish};
  }
  [[nodiscard]] Conversation& conversation() {
    return parts_.conversations.at(parts_.journal.conversation());
  }
  [[nodiscard]] ipc::ConversationPage& page() noexcept { return parts_.context.board().conversation(); }

  struct Numbers {  // of a message that a predecessor had in hand
    std::uint32_t utterance = 0;
    std::uint64_t user_sequence = 0, reply_sequence = 0;
  };

  Parts& parts_;
  VoiceSettings settings_;
  Numbers unaccepted_;
  TurnTaking turn_taking_;
  BargeIn barge_in_;
  Interjections interjections_;
  Watchdogs watchdogs_;
  Patience patience_;
  VoiceModel model_;
  Preparation preparation_;
  Loudspeaker loudspeaker_;
  std::optional<Reply> reply_;
  Utterance utterance_;
  bool talking_ = false;                  // something was said lately: silence leads to active
  bool answering_ = true;                 // false: drain "now"
  Nanos state_since_ = 0, model_at_ = 0;  // the model's last word
  std::uint32_t words_final_ = 0;         // newest utterance of which all is known
  VoiceCounts counts_;
  bool transcript_held_ = false, playback_held_ = false;
};

}  // namespace prot::brain
