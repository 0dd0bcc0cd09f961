// VoiceTurns: what a brain that died left, and going on with it.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "voice_turns.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kHistoryWait = 300 * kMillisecond;
constexpr std::uint32_t kMaxAttempts = 2;  // a reply that killed its brain twice is not tried again

}  // namespace

void VoiceTurns::start(Nanos now) {
  TurnRecord record;
  const bool open = parts_.journal.load(conversation_of_run(parts_.context.environment().run_id), record);
  const bool restarted = parts_.context.environment().generation > 1;
  if (restarted) talking_ = static_cast<State>(page().state.load()) != State::kIdle;
  if (open) {
    recover(std::move(record), now);
  } else {
    turn_taking_.restore(talking_ ? State::kActive : State::kIdle);
    parts_.journal.set_conversation(parts_.journal.conversation());
  }
  if (const Nanos hold = page().hold_until_ns.load(); hold > now && is_replying()) {
    barge_in_.adopt(hold, now);
  } else if (hold != 0) {
    set_hold(0);
  }
  if (!reply_) page().turn_began_ns.store(0, std::memory_order_release);
  // Behind recover(), which judges by the sequences in `turns` what the predecessor had published.
  if (restarted) parts_.memory.request_history(parts_.journal.conversation());
  if (!reply_) parts_.prefill.want(parts_.prompt.prefill(conversation(), {}, {}, Lane::kVoice), now);
}

void VoiceTurns::recover(TurnRecord record, Nanos now) {
  const std::uint32_t turn = record.waterfall.turn;
  const std::uint64_t spoken_up_to = parts_.speech.next_sequence();
  const auto first_lost = std::find_if(record.segments.begin(), record.segments.end(),
                                       [&](const SpokenSegment& s) { return s.frame >= spoken_up_to; });
  std::vector<SpokenSegment> lost(first_lost, record.segments.end());  // written down, and not published
  record.segments.erase(first_lost, record.segments.end());
  const bool accepted =
      !record.has_message || record.accepted || record.user_frame < parts_.turns.next_sequence();
  if (!accepted || (!record.has_message && record.segments.empty())) {  // its transcript comes again
    unaccepted_ = {record.waterfall.utterance, record.user_sequence, record.reply_sequence};
    turn_taking_.restore(talking_ ? State::kActive : State::kIdle);
    parts_.journal.clear(turn);
    return;
  }
  log_info("turn {}: going on after {} spoken segments", turn, record.segments.size());
  if (record.has_message)
    parts_.conversations.at(record.conversation)
        .add_user(record.waterfall.heard, static_cast<Nanos>(record.user_sequence) * kMicrosecond);
  talking_ = true;
  model_at_ = now;
  if (parts_.context.board().is_cancelled(turn)) {
    reply_.emplace(std::move(record), links(), Reply::Phase::kModel);
    model_.begin(reply_->record().rounds);
    loudspeaker_.progress(now);
    turn_taking_.restore(State::kInterrupted);
    reply_->waterfall().interrupted = true;
    return reply_->cut(now, now + kCutWait);
  }
  go_on(std::move(record), lost, now);
}

// What was written down is said; what the model had not said when its brain died, it is asked for.
void VoiceTurns::go_on(TurnRecord record, const std::vector<SpokenSegment>& lost, Nanos now) {
  // A notice that it takes longer is no answer.
  const bool answers = std::any_of(record.segments.begin(), record.segments.end(),
                                   [](const SpokenSegment& segment) { return !segment.notice; });
  const bool asks = record.has_message && !record.ended;
  const bool sent_end = record.ended && record.end_frame < parts_.speech.next_sequence();
  if (asks) ++record.attempt;
  if (asks && !answers && !record.segments.empty())
    record.waterfall.notice = std::max<Nanos>(record.waterfall.speech_end, 1);
  const bool said_all = record.ended;
  record.ended = sent_end;
  if (!sent_end) parts_.journal.begin(record);
  model_.begin(record.rounds);
  const std::uint32_t attempt = record.attempt;
  reply_.emplace(std::move(record), links(), asks ? Reply::Phase::kRecall : Reply::Phase::kModel);
  loudspeaker_.progress(now);
  const bool audible = parts_.context.board().playback().turn.load() == reply_->turn();
  turn_taking_.restore(audible && (answers || !asks) ? State::kSpeaking : State::kProcessing);
  // When exactly it became audible is not known: after the question, and that is enough to tell its own
  // voice.
  if (audible) loudspeaker_.audible(std::max<Nanos>(reply_->waterfall().speech_end, 1));
  if (audible) patience_.quiet(now);
  settle_from_board();
  reply_->assume_done();
  if (sent_end) return reply_->resume_playing();
  if (answers || said_all) reply_->say_again(lost, now);
  if (!asks) return reply_->end(now);
  if (attempt > kMaxAttempts) {
    reply_->ask_model(0);
    return fail(http::ErrorClass::kFatal, "the reply ended its brain twice", now);
  }
  preparation_.await_history(now + kHistoryWait);
}

void VoiceTurns::on_history(const wire::ConversationId& conversation) {
  if (conversation == parts_.journal.conversation()) preparation_.on_history();
}

}  // namespace prot::brain
