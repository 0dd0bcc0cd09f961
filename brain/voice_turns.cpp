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
      model_(parts),
      preparation_(parts, settings_.recall_wait) {}

void VoiceTurns::on_model(const ModelEvent& event, Nanos now) {
  switch (model_.on_event(event, reply_ ? &*reply_ : nullptr, now)) {
    case VoiceModel::Progress::kNone:
      return;
    case VoiceModel::Progress::kDone:
      if (reply_->silent()) {
        reply_->waterfall().failed = true;
        reply_->say(notice_text(Notice::kNoAnswer, parts_.language), now);
      }
      return end_reply(now);
    case VoiceModel::Progress::kFailed:
      return fail(model_.failure().error, model_.failure().why, now);
  }
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
  reply_->waterfall().interrupted = true;
  reply_->cut(now, reply_->silent() ? now : now + settings_.cut_wait);
}

void VoiceTurns::commit(Nanos now, const ipc::FrameInfo* last) {
  const TurnRecord& record = reply_->record();
  Waterfall& times = reply_->waterfall();
  const std::string heard = reply_->heard_text();
  const std::uint32_t turn = reply_->turn();
  times.reply = heard;
  log_content("turn {}: said '{}'", turn, heard);
  ipc::Input& playback = parts_.context.input("playback");
  if (record.has_message) {
    parts_.conversations.at(record.conversation).add_reply(heard, times.interrupted);
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
  const std::string line = times.to_json();
  append_line(settings_.turns_file, line);
  parts_.publish(line);
  loudspeaker_.over(now);
  if (barge_in_.suspected()) set_hold(0);
  barge_in_.reset();
  reply_.reset();
  preparation_.reset();
  if (turn_taking_.is(State::kListening)) return preparation_.warm_up({}, now);
  if (answering_) parts_.prefill.want(parts_.prompt.prefill(conversation(), {}, {}, Lane::kVoice), now);
}

int VoiceTurns::tick(Nanos now) {
  act(barge_in_.tick(now), now);
  if (turn_taking_.is(State::kActive) && now >= state_since_ + settings_.active_timeout) {
    turn_taking_.on(TurnEvent::kTimeout);
    talking_ = false;
    return 1;
  }
  preparation_.tick(!reply_, now);
  if (turn_taking_.is(State::kListening) && now >= listening_until()) {
    log_warn("utterance {}: no transcript came", utterance_.number);
    utterance_.ended = 0;
    give_up_listening();
    return 1;
  }
  if (!reply_) return 0;
  switch (reply_->phase()) {
    case Reply::Phase::kRecall:
      if (!preparation_.complete(now)) return 0;
      model_.ask(*reply_, preparation_.context(true), now);
      return 1;
    case Reply::Phase::kModel:
      return 0;
    case Reply::Phase::kPlaying:
      return watch_playback(now) ? 1 : 0;
    case Reply::Phase::kCut:
      if (now < reply_->cut_deadline()) return 0;
      settle_from_board();
      commit(now);
      return 1;
  }
  return 0;
}

Nanos VoiceTurns::next_deadline() const {
  Nanos deadline = kNever;
  const auto sooner = [&](Nanos at) { deadline = std::min(deadline, at); };
  if (barge_in_.suspected()) sooner(barge_in_.hold_until());
  if (turn_taking_.is(State::kActive)) sooner(state_since_ + settings_.active_timeout);
  sooner(preparation_.next_deadline(reply_ && reply_->phase() == Reply::Phase::kRecall));
  if (turn_taking_.is(State::kListening)) sooner(listening_until());
  if (reply_ && reply_->phase() == Reply::Phase::kPlaying)
    sooner(loudspeaker_.stuck_at(settings_.playback_timeout));
  if (reply_ && reply_->phase() == Reply::Phase::kCut) sooner(reply_->cut_deadline());
  return deadline;
}

Nanos VoiceTurns::listening_until() const noexcept {
  return utterance_.ended > state_since_ ? utterance_.ended + settings_.transcript_timeout
                                         : state_since_ + settings_.listening_timeout;
}

bool VoiceTurns::generating() const noexcept {
  return reply_ && (reply_->phase() == Reply::Phase::kRecall || reply_->phase() == Reply::Phase::kModel);
}

void VoiceTurns::cut_short(Nanos now) {
  answering_ = false;
  parts_.prefill.stop();
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
  parts_.journal.set_conversation(new_conversation_id());
  parts_.prefill.want(parts_.prompt.prefill(conversation(), {}, {}, Lane::kVoice), now);
}

ReplyView VoiceTurns::reply_view() const noexcept {
  if (!reply_ || reply_->phase() == Reply::Phase::kCut) return {};
  return {true, loudspeaker_.audible_at()};
}

void VoiceTurns::set_hold(Nanos until) {
  page().hold_until_ns.store(until, std::memory_order_release);
  parts_.context.ring("player");
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
