// VoiceTurns: what the player says of the reply.
#include "base/log.hpp"
#include "json/json.hpp"
#include "voice_turns.hpp"

namespace prot::brain {
namespace {

std::string audible_event(std::uint32_t turn, Nanos at) {
  json::Writer out;
  out.begin_object().member("type", "audible").member("turn", turn).member("at_ns", at);
  return out.end_object().str();
}

}  // namespace

VoiceTurns::Taken VoiceTurns::on_playback(const ipc::FrameInfo& info, const wire::Playback& playback,
                                          Nanos now) {
  if (!reply_ || info.turn != reply_->turn()) return Taken::kDone;
  loudspeaker_.progress(now);
  if ((info.flags & (ipc::kFlagGap | ipc::kFlagResync)) != 0) settle_from_board();
  switch (playback.what) {
    case wire::Played::kStarted:
    case wire::Played::kHeard:
      became_audible(playback, now);
      reply_->heard(playback.segment, playback.bytes_heard);
      return Taken::kDone;
    case wire::Played::kSegmentDone:
      reply_->segment_done(playback.segment, playback.bytes_heard, playback.samples_heard);
      if (reply_->spoken_out()) patience_.quiet(now);
      note_silence();
      return Taken::kDone;
    case wire::Played::kTurnDone:
    case wire::Played::kCutAt:
      break;
  }
  if (playback.what == wire::Played::kTurnDone && reply_->record().whole) {
    reply_->heard_all();
  } else {
    reply_->heard(playback.segment, playback.bytes_heard);
  }
  patience_.quiet(now);
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
  if (loudspeaker_.audible_at() == 0) {
    loudspeaker_.audible(times.audible != 0 ? times.audible : now);
    parts_.publish(audible_event(reply_->turn(), loudspeaker_.audible_at()));
  }
  if (turn_taking_.is(State::kProcessing)) turn_taking_.on(TurnEvent::kAudible);
}

// What was said before a tool was called, or for patience, is over; the tool or the model still works.
void VoiceTurns::note_silence() {
  const bool works = reply_->phase() == Reply::Phase::kTools ||
                     (reply_->phase() == Reply::Phase::kModel && (reply_->round() > 0 || !reply_->answers()));
  if (works && reply_->spoken_out() && turn_taking_.is(State::kSpeaking))
    turn_taking_.on(TurnEvent::kToolRound);
}

void VoiceTurns::settle_from_board() {
  const ipc::PlaybackPage& played = parts_.context.board().playback();
  if (reply_ && played.turn.load(std::memory_order_acquire) == reply_->turn())
    reply_->heard(played.segment.load(), static_cast<std::uint32_t>(played.bytes_heard.load()));
}

}  // namespace prot::brain
