#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "loudspeaker.hpp"
#include "parts.hpp"
#include "preparation.hpp"
#include "reply.hpp"
#include "turn_taking.hpp"
#include "voice_model.hpp"
#include "wire/speech_in.hpp"

namespace prot::brain {

struct VoiceSettings {
  BargeInSettings barge_in;
  Nanos active_timeout = 30 * kSecond;
  Nanos recall_wait = 50 * kMillisecond;    // at most this for memory's answer to the final transcript
  Nanos cut_wait = 200 * kMillisecond;      // for the player's "cut at"
  Nanos playback_timeout = 20 * kSecond;    // without any progress: the voice or the player is gone
  Nanos transcript_timeout = 15 * kSecond;  // after the end of an utterance
  Nanos listening_timeout = 80 * kSecond;   // no utterance is longer: its end was lost
  Nanos least_speech = 400 * kMillisecond;  // shorter: nothing is said when nothing was understood
  std::string turns_file;                   // turns.jsonl
};

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
  /// Memory's answer to a restarted brain.
  void on_history(const MemoryClient::HistoryAnswer& answer);
  /// A frame of that ring waits until its message is accepted: read no further.
  [[nodiscard]] bool transcript_held() const noexcept { return transcript_held_; }
  [[nodiscard]] bool playback_held() const noexcept { return playback_held_; }
  [[nodiscard]] State state() const noexcept { return turn_taking_.state(); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return turn_taking_.refused(); }
  [[nodiscard]] std::uint64_t dropped_utterances() const noexcept { return dropped_; }

 private:
  struct Utterance {
    std::uint32_t number = 0;
    Nanos began = 0;
    Nanos ended = 0;
    bool confirmed = false;
  };

  // voice_hearing.cpp: the person
  void act(BargeAction action, Nanos now);
  void interrupt(Nanos now);
  void begin(const ipc::FrameInfo& info, const wire::Transcript& transcript, const std::string& text,
             Nanos now);
  void nothing_understood(const ipc::FrameInfo& info, const wire::Transcript& transcript, Nanos now);
  void give_up_listening();
  [[nodiscard]] bool is_own_voice(Nanos speech_start) const noexcept;
  [[nodiscard]] TurnRecord new_record(const ipc::FrameInfo& info, const wire::Transcript& transcript);

  // voice_recovery.cpp: what a predecessor left
  void recover(TurnRecord record, Nanos now);

  // voice_playback.cpp: the player
  void settle_from_board();
  bool watch_playback(Nanos now);
  void became_audible(const wire::Playback& playback, Nanos now);

  // voice_turns.cpp: the reply
  void end_reply(Nanos now);
  void fail(http::ErrorClass error, const std::string& why, Nanos now);
  void cancel_reply(Nanos now);
  void commit(Nanos now, const ipc::FrameInfo* last = nullptr);
  void set_hold(Nanos until);
  void entered(State state);
  [[nodiscard]] Nanos listening_until() const noexcept;
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
    std::uint64_t user_sequence = 0;
    std::uint64_t reply_sequence = 0;
  };

  Parts& parts_;
  VoiceSettings settings_;
  Numbers unaccepted_;
  TurnTaking turn_taking_;
  BargeIn barge_in_;
  VoiceModel model_;
  Preparation preparation_;
  Loudspeaker loudspeaker_;
  std::optional<Reply> reply_;
  Utterance utterance_;
  bool talking_ = false;   // something was said lately: silence leads to active
  bool answering_ = true;  // false: drain "now"
  Nanos state_since_ = 0;
  std::uint64_t dropped_ = 0;
  bool transcript_held_ = false;
  bool playback_held_ = false;
};

}  // namespace prot::brain
