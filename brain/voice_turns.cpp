// VoiceTurns, prot's side: the model, the voice, the loudspeaker, the end of a turn.
#include "voice_turns.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "json/json.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kHistoryWait = 300 * kMillisecond;
constexpr std::uint32_t kMaxAttempts = 2;  // a reply that killed its brain twice is not tried again

std::string simple_event(const char* type, std::uint32_t turn, Nanos at) {
  json::Writer out;
  return out.begin_object().member("type", type).member("turn", turn).member("at_ns", at).end_object().str();
}

}  // namespace

VoiceTurns::VoiceTurns(Parts& parts, VoiceSettings settings)
    : parts_(parts),
      settings_(std::move(settings)),
      turn_taking_([this](State state) { entered(state); }),
      barge_in_(settings_.barge_in) {}

void VoiceTurns::start(Nanos now) {
  TurnRecord record;
  const bool open = parts_.journal.load(conversation_of_run(parts_.context.environment().run_id), record);
  if (page().hold_until_ns.load() != 0) set_hold(0);
  const bool restarted = parts_.context.environment().generation > 1;
  if (restarted) talking_ = static_cast<State>(page().state.load()) != State::kIdle;
  if (open) {
    recover(std::move(record), now);
  } else {
    turn_taking_.restore(talking_ ? State::kActive : State::kIdle);
    parts_.journal.set_conversation(parts_.journal.conversation());
  }
  if (!reply_) page().turn_began_ns.store(0, std::memory_order_release);
  // Behind recover(), which judges by the sequences in `turns` what the predecessor had published.
  if (restarted) parts_.memory.request_history(parts_.journal.conversation());
  if (!reply_) parts_.prefill.want(parts_.prompt.prefill(conversation(), {}, {}, Lane::kVoice), now);
}

void VoiceTurns::recover(TurnRecord record, Nanos now) {
  const std::uint32_t turn = record.waterfall.turn;
  const auto published = [&](const SpokenSegment& s) { return s.frame < parts_.speech.next_sequence(); };
  while (!record.segments.empty() && !published(record.segments.back())) record.segments.pop_back();
  const bool accepted =
      !record.has_message || record.accepted || record.user_frame < parts_.turns.next_sequence();
  if (!accepted || (!record.has_message && record.segments.empty())) {  // its transcript comes again
    unaccepted_ = {record.waterfall.utterance, record.user_sequence, record.reply_sequence};
    turn_taking_.restore(talking_ ? State::kActive : State::kIdle);
    parts_.journal.clear(turn);
    return;
  }
  log_info("turn {}: going on after {} spoken segments", turn, record.segments.size());
  if (record.has_message) parts_.conversations.at(record.conversation).add_user(record.waterfall.heard);
  talking_ = true;
  const bool silent = record.segments.empty();
  const bool sent_end = record.ended && record.end_frame < parts_.speech.next_sequence();
  if (silent) ++record.attempt;
  if (silent) parts_.journal.begin(record);
  const std::uint32_t attempt = record.attempt;
  reply_.emplace(std::move(record), links(), silent ? Reply::Phase::kRecall : Reply::Phase::kModel);
  progress_at_ = now;
  const ipc::PlaybackPage& played = parts_.context.board().playback();
  const bool audible = played.turn.load() == turn;
  if (parts_.context.board().is_cancelled(turn)) {
    turn_taking_.restore(State::kListening);
    reply_->waterfall().interrupted = true;
    reply_->cut(now, now + settings_.cut_wait);
    return;
  }
  turn_taking_.restore(audible && !silent ? State::kSpeaking : State::kProcessing);
  // When exactly it became audible is not known: after the question, and that is enough to tell its own
  // voice.
  if (audible) audible_at_ = audible_from_ = std::max<Nanos>(reply_->waterfall().speech_end, 1);
  if (!silent) {
    if (!sent_end) reply_->waterfall().interrupted = true;  // the model's last words are lost
    return sent_end ? reply_->resume_playing() : reply_->end(now);
  }
  if (attempt > kMaxAttempts) {
    reply_->ask_model(0);
    return fail(http::ErrorClass::kFatal, "the reply ended its brain twice", now);
  }
  awaiting_history_ = true;
  recall_until_ = now + kHistoryWait;
}

void VoiceTurns::on_history(const MemoryClient::HistoryAnswer& answer) {
  awaiting_history_ = false;
  parts_.conversations.at(answer.conversation).restore(answer.json);
}

void VoiceTurns::ask_model(Nanos now) {
  request_ = parts_.prompt.reply(parts_.conversations.at(reply_->record().conversation), context_now(true),
                                 Lane::kVoice);
  parts_.prefill.give_way(request_);
  model_call_ = parts_.model.start(request_, now);
  reply_->ask_model(now);
  reply_->waterfall().recall_tokens = parts_.memory.block(Lane::kVoice).tokens;
}

void VoiceTurns::on_model(const ModelEvent& event, Nanos now) {
  if (!reply_ || model_call_ == 0 || event.id != model_call_) return;
  Waterfall& times = reply_->waterfall();
  switch (event.kind) {
    case ModelEvent::Kind::kText: {
      if (times.first_token == 0) {
        times.first_token = event.at;
        times.request = event.request_ns;
      }
      return reply_->add_text(event.text, now);
    }
    case ModelEvent::Kind::kUsage:
      times.prompt_tokens = event.usage.prompt_tokens;
      times.cached_tokens = event.usage.cached_tokens;
      return;
    case ModelEvent::Kind::kToolCall:
      log_warn("the model calls a tool, but none is offered");
      log_content("tool '{}'", event.call.name);
      return;
    case ModelEvent::Kind::kDone:
      model_call_ = 0;
      parts_.prefill.computed(request_);
      reply_->finish_text(now);
      if (reply_->silent()) {
        times.failed = true;
        reply_->say(notice_text(Notice::kNoAnswer, parts_.language), now);
      }
      reply_->end(now);
      progress_at_ = now;
      return;
    case ModelEvent::Kind::kError:
      return fail(event.error, event.text, now);
  }
}

void VoiceTurns::fail(http::ErrorClass error, const std::string& why, Nanos now) {
  log_warn("turn {}: the language model failed ({}): {}", reply_->turn(), http::to_string(error), why);
  model_call_ = 0;
  reply_->waterfall().failed = true;
  reply_->finish_text(now);
  reply_->say(notice_text(notice_for(error), parts_.language), now);
  reply_->end(now);
  progress_at_ = now;
}

VoiceTurns::Taken VoiceTurns::on_playback(const ipc::FrameInfo& info, const wire::Playback& playback,
                                          Nanos now) {
  if (!reply_ || info.turn != reply_->turn()) return Taken::kDone;
  progress_at_ = now;
  if ((info.flags & (ipc::kFlagGap | ipc::kFlagResync)) != 0) settle_from_board();
  switch (playback.what) {
    case wire::Played::kStarted:
    case wire::Played::kHeard:
      became_audible(playback, now);
      reply_->heard(playback.segment, playback.bytes_heard);
      return Taken::kDone;
    case wire::Played::kSegmentDone:
      reply_->segment_done(playback.segment, playback.bytes_heard, playback.samples_heard);
      return Taken::kDone;
    case wire::Played::kTurnDone:
    case wire::Played::kCutAt:
      break;
  }
  if (playback.what == wire::Played::kTurnDone && reply_->record().ended) {
    reply_->heard_all();
  } else {
    reply_->heard(playback.segment, playback.bytes_heard);
  }
  const bool was_cut = reply_->phase() == Reply::Phase::kCut;
  if (!was_cut && playback.what == wire::Played::kCutAt) reply_->waterfall().interrupted = true;
  const bool failed = reply_->waterfall().failed;
  if (!was_cut && !reply_->record().ended) cancel_reply(now);  // the player gave the turn up by itself
  commit(now, &info);
  if (!was_cut) turn_taking_.on(failed ? TurnEvent::kFailed : TurnEvent::kReplyDone);
  return Taken::kHeld;
}

void VoiceTurns::became_audible(const wire::Playback& playback, Nanos now) {
  Waterfall& times = reply_->waterfall();
  if (playback.what == wire::Played::kStarted) {
    times.synthesis_start = playback.synthesis_start_ns;
    times.first_pcm = playback.first_pcm_ns;
    times.written = playback.written_ns;
    times.audible = playback.at_ns;
  }
  if (audible_at_ != 0) return;
  audible_at_ = audible_from_ = times.audible != 0 ? times.audible : now;
  audible_to_ = 0;
  parts_.publish(simple_event("audible", reply_->turn(), audible_at_));
  if (turn_taking_.is(State::kProcessing)) turn_taking_.on(TurnEvent::kAudible);
}

void VoiceTurns::cancel_reply(Nanos now) {
  page().cancelled_turn.store(reply_->turn(), std::memory_order_release);
  page().hold_until_ns.store(0, std::memory_order_release);
  parts_.context.ring("tts");
  parts_.context.ring("player");
  if (model_call_ != 0) parts_.model.cancel(std::exchange(model_call_, 0));
  reply_->waterfall().interrupted = true;
  reply_->cut(now, reply_->silent() ? now : now + settings_.cut_wait);
}

void VoiceTurns::settle_from_board() {
  const ipc::PlaybackPage& played = parts_.context.board().playback();
  if (reply_ && played.turn.load(std::memory_order_acquire) == reply_->turn())
    reply_->heard(played.segment.load(), static_cast<std::uint32_t>(played.bytes_heard.load()));
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
  if (audible_at_ != 0) audible_to_ = now;
  audible_at_ = 0;
  if (barge_in_.suspected()) set_hold(0);
  barge_in_.reset();
  reply_.reset();
  recall_ = 0;
  recall_text_.clear();
  context_wall_ = 0;
  if (turn_taking_.is(State::kListening)) return warm_up({}, now);
  if (answering_) parts_.prefill.want(parts_.prompt.prefill(conversation(), {}, {}, Lane::kVoice), now);
}

int VoiceTurns::tick(Nanos now) {
  act(barge_in_.tick(now), now);
  if (turn_taking_.is(State::kActive) && now >= state_since_ + settings_.active_timeout) {
    turn_taking_.on(TurnEvent::kTimeout);
    talking_ = false;
    return 1;
  }
  if (recall_prefill_ && (parts_.memory.answered(Lane::kVoice, recall_) || now >= recall_until_)) {
    recall_prefill_ = false;
    warm_up(recall_text_, now);
  }
  if (turn_taking_.is(State::kListening) && now >= listening_until()) {
    log_warn("utterance {}: no transcript came", utterance_.number);
    utterance_.ended = 0;
    give_up_listening();
    return 1;
  }
  if (!reply_) return 0;
  switch (reply_->phase()) {
    case Reply::Phase::kRecall:
      if (now < recall_until_ && (awaiting_history_ || !parts_.memory.answered(Lane::kVoice, recall_)))
        return 0;
      ask_model(now);
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

// The voice or the player may be gone for good: a turn must not hang on them.
bool VoiceTurns::watch_playback(Nanos now) {
  const ipc::PlaybackPage& played = parts_.context.board().playback();
  const std::uint64_t mark =
      (static_cast<std::uint64_t>(played.segment.load()) << 40U) + played.samples_heard.load();
  if (mark != std::exchange(progress_mark_, mark)) progress_at_ = now;
  ipc::Input& playback = parts_.context.input("playback");
  const bool gone = playback.producer_closed() && !playback.has_data();
  if (!gone && now < progress_at_ + settings_.playback_timeout) return false;
  log_warn("turn {}: {}", reply_->turn(), gone ? "the player is gone" : "nothing is played; given up");
  reply_->waterfall().failed = true;
  cancel_reply(now);
  settle_from_board();
  commit(now);
  turn_taking_.on(TurnEvent::kFailed);
  return true;
}

Nanos VoiceTurns::next_deadline() const {
  Nanos deadline = kNever;
  const auto sooner = [&](Nanos at) { deadline = std::min(deadline, at); };
  if (barge_in_.suspected()) sooner(barge_in_.hold_until());
  if (turn_taking_.is(State::kActive)) sooner(state_since_ + settings_.active_timeout);
  if (recall_prefill_) sooner(recall_until_);
  if (turn_taking_.is(State::kListening)) sooner(listening_until());
  if (reply_ && reply_->phase() == Reply::Phase::kRecall) sooner(recall_until_);
  if (reply_ && reply_->phase() == Reply::Phase::kPlaying) sooner(progress_at_ + settings_.playback_timeout);
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
  return {true, audible_at_};
}

std::string VoiceTurns::context_now(bool with_memory) {
  if (context_wall_ == 0) context_wall_ = wall_now();
  const bool fits = with_memory && recall_ != 0 && parts_.memory.answered(Lane::kVoice, recall_);
  return parts_.prompt.context(context_wall_, fits ? parts_.memory.block(Lane::kVoice).text : "");
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
