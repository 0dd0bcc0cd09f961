// VoiceTurns: the watchdogs. What they say is the table of state_limits.hpp.
#include <algorithm>

#include "base/log.hpp"
#include "voice_turns.hpp"

namespace prot::brain {

VoiceTurns::Waiting VoiceTurns::waiting() const noexcept {
  // While the reply is held nothing moves, and nothing has to.
  const Nanos moved = std::max({loudspeaker_.progress_at(), state_since_, barge_in_.hold_until()});
  const bool told = reply_ && reply_->phase() == Reply::Phase::kPlaying;
  switch (turn_taking_.state()) {
    case State::kIdle:
      return {Watch::kNothing, 0};
    case State::kListening:
      if (utterance_.ended == 0) return {Watch::kSpeechEnd, state_since_};
      if (patience_.owes(utterance_.number)) return {Watch::kTranscript, utterance_.ended};
      return {Watch::kTranscript, std::max(utterance_.ended, state_since_)};
    case State::kProcessing:
      if (told) return {Watch::kFirstSample, moved};
      return {Watch::kModel, model_at_};
    case State::kSpeaking:
      if (told) return {Watch::kPlayback, moved};
      return {Watch::kModel, reply_ && reply_->answers() ? std::max(model_at_, moved) : model_at_};
    case State::kActive:
      return {Watch::kPerson, state_since_};
    case State::kInterrupted:
      if (!reply_ || reply_->silent()) return {Watch::kNothing, 0};  // nothing to be told of
      return {Watch::kCutAt, reply_->cut_deadline() - kCutWait};
  }
  return {Watch::kNothing, 0};
}

bool VoiceTurns::watch(Nanos now) {
  if (reply_) loudspeaker_.look(parts_.context.board().playback(), now);
  const Waiting waits = waiting();
  const StateLimit* over = watchdogs_.fire(turn_taking_.state(), waits.watch, waits.since, now);
  if (over == nullptr) return false;
  switch (over->remedy) {
    case Remedy::kNone:
      return false;
    case Remedy::kRest:
      turn_taking_.on(TurnEvent::kTimeout);
      talking_ = false;
      return true;
    case Remedy::kAskAgain: {
      act(barge_in_.on_gap(reply_view(), now), now);
      const bool said = utterance_.confirmed && answering_;
      TurnRecord record = said ? new_record(utterance_.number) : TurnRecord{};
      record.waterfall.speech_end = utterance_.ended;
      utterance_ = {};
      patience_.give_up();
      if (!said) give_up_listening();
      if (said) say_notice(Notice::kNotUnderstood, std::move(record), now);
      return true;
    }
    case Remedy::kExcuse:
      model_.cancel();
      reply_->finish_text(now);
      fail(http::ErrorClass::kRetry, over->message, now);
      return true;
    case Remedy::kSayAgain: {
      const bool owed = reply_->record().has_message && answering_;
      const std::uint32_t utterance = reply_->record().waterfall.utterance;
      give_reply_up(now);
      if (owed) say_notice(Notice::kNotSaid, new_record(utterance), now);
      return true;
    }
    case Remedy::kSettle:
      settle_from_board();
      commit(now);
      return true;
  }
  return false;
}

// The voice or the player does not go on with it.
void VoiceTurns::give_reply_up(Nanos now) {
  reply_->waterfall().failed = true;
  cancel_reply(now);
  settle_from_board();
  commit(now);
  turn_taking_.on(TurnEvent::kFailed);
}

bool VoiceTurns::player_gone(Nanos now) {
  ipc::Input& playback = parts_.context.input("playback");
  if (!playback.producer_closed() || playback.has_data()) return false;
  log_warn("turn {}: the player is gone", reply_->turn());
  give_reply_up(now);
  return true;
}

Nanos VoiceTurns::next_deadline() const {
  Nanos deadline = barge_in_.deadline(reply_view());
  const auto sooner = [&](Nanos at) { deadline = std::min(deadline, at); };
  const Waiting waits = waiting();
  sooner(watchdogs_.deadline(turn_taking_.state(), waits.watch, waits.since));
  sooner(preparation_.next_deadline(reply_ && reply_->phase() == Reply::Phase::kRecall));
  if (reply_ && reply_->phase() == Reply::Phase::kTools) sooner(model_.tools_deadline());
  sooner(wait_notice_at());
  sooner(model_.consent().next_deadline());
  if (reply_ && reply_->phase() == Reply::Phase::kCut) sooner(reply_->cut_deadline());
  return deadline;
}

}  // namespace prot::brain
