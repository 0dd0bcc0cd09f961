// VoiceTurns, the person's side: hearing, transcripts, interruption, the beginning of a turn.
#include <algorithm>
#include <cstdlib>

#include "base/log.hpp"
#include "json/json.hpp"
#include "text/utf8.hpp"
#include "voice_turns.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kSamePlace = 16 * kMillisecond;  // by two readings of the sample clock

std::string cleaned(std::string_view text) {
  std::string out = text::sanitize_utf8(text);
  const auto first = out.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return out.substr(first, out.find_last_not_of(" \t\r\n") - first + 1);
}

json::Writer words_event(const char* type, std::uint32_t utterance, std::string_view text, Nanos at) {
  json::Writer out;
  out.begin_object().member("type", type).member("utterance", utterance).member("text", text);
  out.member("at_ns", at);
  return out;
}

std::string heard_event(std::uint32_t utterance, std::string_view text, bool final, Nanos at) {
  return words_event("heard", utterance, text, at).member("final", final).end_object().str();
}

const char* why_ignored(Words words) noexcept {
  switch (words) {
    case Words::kBackchannel:
      return "backchannel";
    case Words::kStop:
      return "stop";
    case Words::kNone:
    case Words::kContent:
      break;
  }
  return "nothing understood";
}

}  // namespace

void VoiceTurns::on_hearing(const ipc::FrameInfo& info, const wire::Hearing& hearing, Nanos now) {
  page().utterance.store(info.turn, std::memory_order_release);
  if (!answering_) return;
  if ((info.flags & (ipc::kFlagGap | ipc::kFlagResync)) != 0) act(barge_in_.on_gap(reply_view(), now), now);
  // Marks and words come by two rings: a brain that did not run for a moment may read the words first. What
  // they answer must not be interrupted by what was said before it.
  if (info.turn <= words_final_) return;
  const bool starts = hearing.what == wire::Heard::kStarted || hearing.what == wire::Heard::kConfirmed;
  if (starts && utterance_.number != info.turn) utterance_ = {info.turn, hearing.at_ns};
  if (hearing.what == wire::Heard::kConfirmed) utterance_.confirmed = true;
  if (hearing.what == wire::Heard::kEnded && utterance_.number == info.turn) {
    utterance_.ended = now;
    utterance_.silent_since = hearing.at_ns;
  }

  if (starts) preparation_.resumed();
  if (hearing.what == wire::Heard::kPaused) preparation_.paused(hearing.at_ns);
  act(barge_in_.on_hearing(info.turn, hearing, reply_view(), now), now);
  const bool same = utterance_.number == info.turn && utterance_.early_end != 0 &&
                    std::abs(hearing.at_ns - utterance_.early_end) < kSamePlace;
  if (hearing.what == wire::Heard::kPaused && same && utterance_.early != Words::kContent &&
      utterance_.early != Words::kStop)
    act(barge_in_.on_words(info.turn, utterance_.early, false, utterance_.began, reply_view(), now), now);
  if (starts) listen(now);
  const bool discarded = hearing.what == wire::Heard::kDiscarded && utterance_.number == info.turn;
  if (discarded && !is_replying()) give_up_listening();
}

// Somebody speaks while nothing is said: into `listening`. What only said "stop" begins nothing.
void VoiceTurns::listen(Nanos now) {
  if (is_replying() || interjections_.has_stopped(utterance_.number)) return;
  if (!turn_taking_.is(State::kIdle) && !turn_taking_.is(State::kActive)) return;
  turn_taking_.on(TurnEvent::kSpeech);
  if (!reply_) preparation_.begin(now);
}

void VoiceTurns::act(BargeAction action, Nanos now) {
  switch (action) {
    case BargeAction::kNone:
      return;
    case BargeAction::kHold:
      return set_hold(barge_in_.hold_until());
    case BargeAction::kRelease:
      return set_hold(0);
    case BargeAction::kCancel:
      return interrupt(utterance_.number, false, now);
  }
}

void VoiceTurns::interrupt(std::uint32_t utterance, bool silenced, Nanos now) {
  if (!is_replying()) return;
  ++counts_.interruptions;
  interjections_.cancelled(utterance, silenced);
  Waterfall& times = reply_->waterfall();
  times.interrupt_onset = utterance_.began;
  times.interrupt_decided = now;
  cancel_reply(now);
  turn_taking_.on(TurnEvent::kBargeIn);  // until the reply is committed
}

VoiceTurns::Taken VoiceTurns::on_transcript(const ipc::FrameInfo& info, const wire::Transcript& transcript,
                                            std::string_view text, Nanos now) {
  const bool understood = transcript.what != wire::TranscriptKind::kFailed;
  const bool final = transcript.what != wire::TranscriptKind::kPartial;
  const std::string words = understood ? cleaned(text) : std::string();
  const Nanos began = transcript.speech_start_ns;
  // A notice that it takes longer is spoken to the person who waits for these words.
  if (reply_ && patience_.owes(info.turn)) {
    // Nobody hears it yet, or the person speaks into it: what follows these words is not held up.
    const bool unheard = loudspeaker_.audible_at() == 0 || barge_in_.hold_until() != 0;
    if (final && unheard && reply_->phase() == Reply::Phase::kPlaying) {
      cancel_reply(now);
      turn_taking_.on(TurnEvent::kFailed);  // commit() changes no state
    }
    return final ? Taken::kLater : Taken::kDone;
  }
  if (final && utterance_.number == info.turn) utterance_.known = true;
  const bool own = is_own_voice(began);
  const bool interrupts = barge_in_.allowed(began, reply_view(), now);
  const Words kind = take_words(info.turn, own ? std::string_view() : words, final, began, now);
  if (final) words_final_ = std::max(words_final_, info.turn);
  if (own) {
    if (final) drop_own_voice(info.turn, words);
    return Taken::kDone;
  }
  if (!final) {
    if (utterance_.number == info.turn) utterance_.early = kind;
    if (utterance_.number == info.turn) utterance_.early_end = transcript.speech_end_ns;
    if (!words.empty()) parts_.publish(heard_event(info.turn, words, false, now));
    if (!words.empty() && !reply_) preparation_.on_partial(words, transcript.speech_end_ns, now);
    return Taken::kDone;
  }
  if (kind == Words::kBackchannel ? is_replying() : kind != Words::kContent && interrupts)
    return pass_over(info.turn, words, kind, now);
  if (reply_) return Taken::kLater;  // the reply before it is committed first
  patience_.begin(info.turn);
  if (!interjections_.is_turn(info.turn, kind, began)) return pass_over(info.turn, words, kind, now);
  const MemoryTalk::Result talk = talk_of_memory(words, began, now);
  if (talk.what == MemoryTalk::Taken::kLater) return Taken::kLater;
  parts_.publish(heard_event(info.turn, words, true, now));
  if (!understood) log_warn("utterance {} was not recognised: {}", info.turn, text);
  if (words.empty()) {
    nothing_understood(info, transcript, now);
    return Taken::kDone;
  }
  if (talk.what == MemoryTalk::Taken::kSay)
    return say_of_memory(talk.pieces, new_record(info, transcript), now);
  if (const MemoryWish wish = memory_wish(words); wish != MemoryWish::kNone)
    return obey(wish, info, transcript, words, now);
  begin(info, transcript, words, now);
  return Taken::kHeld;
}

// What a transcript is to the reply under way.
Words VoiceTurns::take_words(std::uint32_t utterance, std::string_view words, bool final, Nanos began,
                             Nanos now) {
  if (reply_) settle_from_board();
  const Words kind = interjections_.judge(words, is_replying() ? &reply_->record() : nullptr);
  const BargeAction action = barge_in_.on_words(utterance, kind, final, began, reply_view(), now);
  const bool by_words = kind == Words::kContent || kind == Words::kStop;
  if (action == BargeAction::kCancel && by_words) {
    interrupt(utterance, kind == Words::kStop, now);
  } else {
    act(action, now);
  }
  return kind;
}

void VoiceTurns::drop_own_voice(std::uint32_t utterance, std::string_view words) {
  ++counts_.own_voice;
  log_info("utterance {} began while prot was audible and is not answered", utterance);
  log_content("utterance {}: '{}'", utterance, words);
  if (!reply_) give_up_listening();
}

// Words that are no turn.
VoiceTurns::Taken VoiceTurns::pass_over(std::uint32_t utterance, std::string_view words, Words kind,
                                        Nanos now) {
  if (kind == Words::kBackchannel) ++counts_.backchannels;
  if (kind == Words::kStop) model_.consent().drop();
  if (kind == Words::kStop) parts_.talks.drop();
  parts_.publish(
      words_event("ignored", utterance, words, now).member("why", why_ignored(kind)).end_object().str());
  if (!reply_ && !barge_in_.speaking()) give_up_listening();
  return Taken::kDone;
}

TurnRecord VoiceTurns::new_record(std::uint32_t utterance) {
  TurnRecord record;
  record.conversation = parts_.journal.conversation();
  Waterfall& times = record.waterfall;
  times.turn = 1 + static_cast<std::uint32_t>(
                       std::max<std::uint64_t>(page().voice_turn.load(), page().cancelled_turn.load()));
  page().voice_turn.store(times.turn, std::memory_order_release);
  page().turn_began_ns.store(static_cast<std::uint64_t>(parts_.context.clock().now()),
                             std::memory_order_release);
  times.utterance = utterance;
  return record;
}

TurnRecord VoiceTurns::new_record(const ipc::FrameInfo& info, const wire::Transcript& transcript) {
  TurnRecord record = new_record(info.turn);
  Waterfall& times = record.waterfall;
  times.speech_start = transcript.speech_start_ns;
  times.speech_end = transcript.speech_end_ns;
  times.end_decided = transcript.end_decided_ns;
  times.decode_start = transcript.decode_start_ns;
  times.decode_end = transcript.decode_end_ns;
  times.end_wait_ms = transcript.end_wait_ms;
  times.end_probability = transcript.end_probability;
  times.final_transcript = info.published_ns;
  return record;
}

// Into `processing` from wherever lost marks or a queued utterance left the machine.
static void to_processing(TurnTaking& machine) {
  if (machine.is(State::kIdle) || machine.is(State::kActive)) machine.on(TurnEvent::kSpeech);
  machine.on(TurnEvent::kUtterance);
}

void VoiceTurns::begin(const ipc::FrameInfo& info, const wire::Transcript& transcript,
                       const std::string& text, Nanos now) {
  TurnRecord record = new_record(info, transcript);
  // A predecessor that died with these words in hand numbered them: the same number is stored once.
  const bool again = unaccepted_.utterance == info.turn && unaccepted_.user_sequence != 0;
  record.user_sequence = again ? unaccepted_.user_sequence : parts_.numbers.next();
  record.reply_sequence = again ? unaccepted_.reply_sequence : parts_.numbers.next();
  unaccepted_ = {};
  record.user_frame = parts_.turns.next_sequence();
  record.waterfall.heard = text;
  parts_.journal.begin(record);
  log_content("turn {}: heard '{}'", record.waterfall.turn, text);

  wire::UserMessage message{};
  message.conversation = record.conversation;
  message.sequence = record.user_sequence;
  message.wall_ns = wall_now();
  message.channel = wire::Channel::kVoice;
  wire::SendOptions options;
  options.turn = record.waterfall.turn;
  options.sources.seq[parts_.context.input_index("transcript")] = info.sequence + 1;
  transcript_held_ = true;
  parts_.turns.push(message, text, options, [this, turn = options.turn, sequence = info.sequence] {
    parts_.journal.accepted(turn);
    parts_.context.input("transcript").release_through(sequence);
    transcript_held_ = false;
  });

  conversation().add_user(text, message.wall_ns, Lane::kVoice,
                          parts_.record.off() ? 0 : record.user_sequence);
  to_processing(turn_taking_);
  talking_ = true;
  model_at_ = now;
  reply_.emplace(std::move(record), links(), Reply::Phase::kRecall);
  if (answering_ && model_.consent().asks_again(*reply_, text, transcript.speech_start_ns, now))
    return end_reply(now);
  if (!answering_) {  // drain "now": the words are kept, the answer is not given
    commit(now);
    turn_taking_.on(TurnEvent::kFailed);
    return;
  }
  preparation_.on_final(text, now);
  tick(now);
}

void VoiceTurns::nothing_understood(const ipc::FrameInfo& info, const wire::Transcript& transcript,
                                    Nanos now) {
  const bool known = utterance_.number == info.turn;
  const bool speech = (!known || utterance_.confirmed) &&
                      transcript.speech_end_ns - transcript.speech_start_ns >= settings_.least_speech;
  if (!speech || !answering_) return give_up_listening();
  say_notice(Notice::kNotUnderstood, new_record(info, transcript), now);
}

// A turn that consists of a notice; it is no part of the conversation.
void VoiceTurns::say_notice(Notice notice, TurnRecord record, Nanos now) {
  record.waterfall.failed = notice != Notice::kOneMoment && notice != Notice::kStillThinking;
  say_own({std::string(notice_text(notice, parts_.language))}, std::move(record), now);
}

void VoiceTurns::say_own(const std::vector<std::string>& pieces, TurnRecord record, Nanos now) {
  record.has_message = false;
  parts_.journal.begin(record);
  to_processing(turn_taking_);
  talking_ = true;
  reply_.emplace(std::move(record), links(), Reply::Phase::kModel);
  for (const std::string& piece : pieces) reply_->say(piece, now);
  end_reply(now);
}

// The recogniser takes long. Their words are still to come, and nothing of what was said counts as a new
// sound.
void VoiceTurns::ask_for_patience(Nanos now) {
  log_info("utterance {}: its words take long", utterance_.number);
  patience_.owe(utterance_.number);
  act(barge_in_.on_words(utterance_.number, Words::kNone, false, 0, reply_view(), now), now);
  TurnRecord record = new_record(utterance_.number);
  record.waterfall.speech_end = utterance_.silent_since;
  record.waterfall.notice = now;
  say_notice(patience_.next(), std::move(record), now);
}

void VoiceTurns::give_up_listening() {
  preparation_.give_up();
  if (!turn_taking_.is(State::kListening)) return;
  turn_taking_.on(talking_ ? TurnEvent::kSilenceTalk : TurnEvent::kSilence);
}

// Where the microphone hears the loudspeaker, what began while that was on cannot be told from prot's own
// voice.
bool VoiceTurns::is_own_voice(Nanos speech_start) const noexcept {
  return !settings_.barge_in.separable && loudspeaker_.overlaps(speech_start);
}

}  // namespace prot::brain
