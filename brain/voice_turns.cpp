// VoiceTurns: the reply, from the model's first word to its commit, and the timers.
#include "voice_turns.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "json/json.hpp"

namespace prot::brain {

VoiceTurns::VoiceTurns(Parts& parts, VoiceSettings settings)
    : parts_(parts),
      settings_(std::move(settings)),
      turn_taking_([this](State state) { entered(state); }),
      barge_in_(settings_.barge_in),
      interjections_(Backchannels(settings_.backchannels, settings_.stop_words)),
      patience_(settings_.wait_notice),
      model_(parts),
      preparation_(parts, settings_.recall_wait) {
  watchdogs_.set_limit(Watch::kPerson, settings_.active_timeout);
}

void VoiceTurns::on_model(const ModelEvent& event, Nanos now) {
  if (reply_ && model_.is_asked(event.id)) model_at_ = now;
  switch (model_.on_event(event, reply_ ? &*reply_ : nullptr, now)) {
    case VoiceModel::Progress::kNone:
      return;
    case VoiceModel::Progress::kDone:
      if (!reply_->answers()) {
        reply_->waterfall().failed = true;
        reply_->say(notice_text(Notice::kNoAnswer, parts_.language), now);
      }
      return end_reply(now);
    case VoiceModel::Progress::kTools:
      return note_silence();
    case VoiceModel::Progress::kFailed:
      return fail(model_.failure().error, model_.failure().why, now);
  }
}

void VoiceTurns::ask_model(Nanos now) {
  if (const std::optional<OpenCall> call = model_.consent().take_agreed()) {
    return model_.carry_out(*reply_, preparation_.context(true), call->call, now);
  }
  model_.ask(*reply_, preparation_.context(true), now);
  for (const ModelEvent& event : model_.take_early()) on_model(event, now);
}

// Whatever the answer waits for: the person knows that prot is there.
bool VoiceTurns::tell_to_wait(Nanos now) {
  if (now < wait_notice_at()) return false;
  if (!reply_) {
    ask_for_patience(now);
    return true;
  }
  log_info("turn {}: the answer takes long", reply_->turn());
  reply_->say_wait(notice_text(patience_.next(), parts_.language), now);
  loudspeaker_.progress(now);
  return true;
}

Nanos VoiceTurns::wait_notice_at() const noexcept {
  constexpr Nanos kLeast = kSecond;  // a late transcript does not mean a late answer
  if (!reply_) {
    const bool awaited = answering_ && turn_taking_.is(State::kListening) && utterance_.confirmed &&
                         utterance_.ended != 0 && !utterance_.known;
    return awaited ? patience_.due(utterance_.silent_since, utterance_.ended + kLeast) : kNever;
  }
  const bool working = generating() || reply_->phase() == Reply::Phase::kTools;
  if (!working || !reply_->spoken_out()) return kNever;
  const Waterfall& times = reply_->record().waterfall;
  Nanos due = patience_.due(times.speech_end, times.final_transcript + kLeast);
  if (reply_->phase() == Reply::Phase::kTools && settings_.tool_notice != 0)
    due = std::min(due, patience_.first_due(model_.tools_at(), settings_.tool_notice));
  if (due == kNever) return due;
  if (barge_in_.hold_until() != 0) due = std::max(due, barge_in_.hold_until() + kSecond);  // they may speak
  if (reply_->phase() != Reply::Phase::kModel || times.first_token == 0) return due;
  // The answer is coming: a sentence that only lacks its end is not broken into, however slow it is.
  return std::max(due, std::min(model_at_ + kSecond, due + settings_.wait_notice));
}

void VoiceTurns::end_reply(Nanos now) {
  reply_->end(now);
  loudspeaker_.progress(now);
}

void VoiceTurns::fail(http::ErrorClass error, const std::string& why, Nanos now) {
  log_warn("turn {}: the language model failed ({}): {}", reply_->turn(), http::to_string(error), why);
  reply_->waterfall().failed = true;
  reply_->say(notice_text(notice_for(error), parts_.language), now);
  end_reply(now);
}

void VoiceTurns::cancel_reply(Nanos now) {
  page().cancelled_turn.store(reply_->turn(), std::memory_order_release);
  page().hold_until_ns.store(0, std::memory_order_release);
  parts_.context.ring("tts");
  parts_.context.ring("player");
  model_.cancel();
  model_.consent().cancel();
  reply_->waterfall().interrupted = true;
  reply_->cut(now, reply_->silent() ? now : now + kCutWait);
}

void VoiceTurns::commit(Nanos now, const ipc::FrameInfo* last) {
  const TurnRecord& record = reply_->record();
  Waterfall& times = reply_->waterfall();
  if (reply_->wholly_heard()) times.interrupted = false;  // the cancel came too late to take anything
  const std::string heard = reply_->heard_text();
  const std::uint32_t turn = reply_->turn();
  times.reply = heard;
  log_content("turn {}: said '{}'", turn, heard);
  std::vector<ToolRound> rounds = model_.take_rounds(*reply_);
  ipc::Input& playback = parts_.context.input("playback");
  if (record.has_message) {
    const std::string last_words = reply_->heard_text(static_cast<std::uint32_t>(rounds.size()));
    Conversation& talk = parts_.conversations.at(record.conversation);
    if (!parts_.record.off()) parts_.rounds_journal.keep(record.conversation, record.user_sequence, rounds);
    talk.add_reply(last_words, times.interrupted, std::move(rounds));
    if (times.interrupted && interjections_.silenced()) talk.leave_unanswered();
    wire::ReplyEnd end{};
    end.conversation = record.conversation;
    end.sequence = record.reply_sequence;
    end.wall_ns = wall_now();
    end.interrupted = times.interrupted ? 1 : 0;
    end.channel = wire::Channel::kVoice;
    wire::SendOptions options;
    options.turn = turn;
    if (last != nullptr) options.sources.seq[parts_.context.input_index("playback")] = last->sequence + 1;
    playback_held_ = last != nullptr;
    parts_.turns.push(end, heard, options,
                      [this, turn, &playback, last_sequence = last ? last->sequence + 1 : 0] {
                        parts_.journal.clear(turn);
                        if (last_sequence != 0) playback.release_through(last_sequence - 1);
                        if (last_sequence != 0) playback_held_ = false;
                      });
  } else {
    parts_.journal.clear(turn);
    if (last != nullptr) playback.release_through(last->sequence);
  }
  page().turns_done.store(page().turns_done.load() + 1, std::memory_order_release);
  page().turn_began_ns.store(0, std::memory_order_release);
  ipc::write_turn(page().turns, times.times());
  const std::string line = times.to_json();  // all of it to those who listen now
  parts_.publish(line);
  if (parts_.record.off()) times.heard = times.reply = {};
  append_line(settings_.turns_file, times.to_json());
  loudspeaker_.over(now);
  // To somebody whose words are still to come nothing was said that these could be about.
  const bool asked = parts_.talks.asks(record.conversation);
  if (record.has_message || times.failed || asked) interjections_.reply_over(record, now);
  if (asked) parts_.talks.over(record.conversation, question_was_heard(record), now);
  model_.consent().reply_over(*reply_, now);
  reply_.reset();
  preparation_.reset();
  if (turn_taking_.is(State::kInterrupted))
    turn_taking_.on(interjections_.silenced() ? TurnEvent::kSilenceTalk : TurnEvent::kListen);
  if (turn_taking_.is(State::kListening)) return preparation_.warm_up({}, now);
  if (answering_) parts_.prefill.want(parts_.prompt.prefill(conversation(), {}, {}, Lane::kVoice), now);
}

int VoiceTurns::tick(Nanos now) {
  act(barge_in_.tick(reply_view(), now), now);
  model_.consent().tick(now);
  preparation_.tick(!reply_, now);
  if (barge_in_.speaking() && answering_ && !is_own_voice(utterance_.began)) listen(now);
  // It was asked for patience, and listens again.
  if (!reply_ && patience_.owes(utterance_.number) && !turn_taking_.is(State::kListening))
    turn_taking_.on(TurnEvent::kSpeech);
  if (watch(now)) return 1;
  if (!reply_) return tell_to_wait(now) ? 1 : 0;
  switch (reply_->phase()) {
    case Reply::Phase::kRecall:
      if (!preparation_.complete(now)) return tell_to_wait(now) ? 1 : 0;
      ask_model(now);
      return 1;
    case Reply::Phase::kModel:
      return tell_to_wait(now) ? 1 : 0;
    case Reply::Phase::kTools:
      switch (model_.ask_again(*reply_, now)) {
        case VoiceModel::Tools::kRunning:
          return tell_to_wait(now) ? 1 : 0;
        case VoiceModel::Tools::kAsked:
          model_at_ = now;
          return 1;
        case VoiceModel::Tools::kQuestion:
          model_.consent().ask(*reply_, *model_.take_question(), now);
          end_reply(now);
          return 1;
      }
      return 0;
    case Reply::Phase::kPlaying:
      return player_gone(now) ? 1 : 0;
    case Reply::Phase::kCut:
      if (now < reply_->cut_deadline()) return 0;
      settle_from_board();
      commit(now);
      return 1;
  }
  return 0;
}

bool VoiceTurns::generating() const noexcept {
  return reply_ && (reply_->phase() == Reply::Phase::kRecall || reply_->phase() == Reply::Phase::kModel);
}

void VoiceTurns::cut_short(Nanos now) {
  answering_ = false;
  parts_.prefill.stop();
  preparation_.give_up();
  if (!reply_ || reply_->phase() == Reply::Phase::kCut) return;
  cancel_reply(now);
  turn_taking_.on(TurnEvent::kFailed);
}

void VoiceTurns::new_conversation(Nanos now) {
  if (reply_ && reply_->phase() != Reply::Phase::kCut) {
    cancel_reply(now);
    turn_taking_.on(TurnEvent::kFailed);
  }
  if (reply_) {
    settle_from_board();
    commit(now);
  }
  preparation_.give_up();
  model_.consent().drop();
  parts_.talks.drop();
  parts_.journal.set_conversation(new_conversation_id());
  parts_.prefill.want(parts_.prompt.prefill(conversation(), {}, {}, Lane::kVoice), now);
}

ReplyView VoiceTurns::reply_view() const noexcept {
  if (!reply_ || reply_->phase() == Reply::Phase::kCut) return {};
  return {true, loudspeaker_.audible_at()};
}

void VoiceTurns::set_hold(Nanos until) {
  const bool held = page().hold_until_ns.exchange(until) != 0;
  parts_.context.ring("player");
  if (held == (until != 0)) return;
  const Nanos now = parts_.context.clock().now();
  if (until != 0) ++counts_.holds;
  if (until == 0) loudspeaker_.progress(now);  // it had no chance to move
  json::Writer out;
  out.begin_object()
      .member("type", until != 0 ? "hold" : "release")
      .member("turn", reply_ ? reply_->turn() : 0U);
  parts_.publish(out.member("at_ns", now).end_object().str());
}

void VoiceTurns::entered(State state) {
  const Nanos now = parts_.context.clock().now();
  page().state.store(static_cast<std::uint32_t>(state), std::memory_order_release);
  state_since_ = now;
  json::Writer out;
  out.begin_object().member("type", "state").member("state", ipc::to_string(state)).member("at_ns", now);
  parts_.publish(out.end_object().str());
}

}  // namespace prot::brain
