#include <algorithm>

#include "base/log.hpp"
#include "player_stage.hpp"

/// What the stage says to others about what was heard.
namespace prot::player {
namespace {
constexpr Nanos kHeardEvery = 250 * kMillisecond;
}

int PlayerStage::tell(Nanos now) {
  const std::uint64_t heard = clock_.heard(now);
  const bool was_playing = playing_;
  playing_ = heard < clock_.written() || !timeline_.empty();
  int items = 0;
  while (!timeline_.empty() && heard >= timeline_.front().begin) {
    const Span& span = timeline_.front();
    position_ = {span.turn, span.segment, span.rate, span.place(heard, playout_->rate())};
    tell_started(heard, span);
    if (!(span.ended || span.replaced) || heard < span.end) break;
    if (span.ended) tell_segment_done(span);
    timeline_.pop_front();
    ++items;
  }
  tell_position(heard, now);
  items += tell_turns_done(now);
  if (playing_ || was_playing || items > 0) show(now, heard < clock_.written());
  if (input_over_ && timeline_.empty() && turn_ends_.empty() && all_heard(now)) {
    finish();
    ++items;
  }
  return items;
}

void PlayerStage::tell_started(std::uint64_t heard, const Span& span) {
  if (span.turn <= turn_started_) return;
  Onset onset{span.turn, span.segment, span.begin, 0, 0};
  const bool known = feeder_.onset() && feeder_.onset()->turn == span.turn;
  if (known) onset = *feeder_.onset();
  // Without anything audible the turn has started when its first segment is over.
  if (known ? heard <= onset.position : !(span.ended && heard >= span.end && span.end > span.begin)) return;
  const auto times = clock_.times_of(onset.position);
  if (!times) return;
  turn_started_ = span.turn;
  (void)say({wire::Played::kStarted, onset.segment, position_.place.samples, position_.place.bytes,
             times->audible_ns, onset.synthesis_start_ns, onset.first_pcm_ns, times->written_ns},
            span.turn);
}

void PlayerStage::tell_segment_done(const Span& span) {
  Nanos at = context_->clock().now();
  if (span.end > span.begin)
    if (const auto times = clock_.times_of(span.end - 1)) at = times->audible_ns;
  if (last_end_turn_ == span.turn && !feeder_.open()) last_end_ns_ = at;
  Span::Place place = position_.place;
  if (span.failed && place.bytes == 0)
    place.samples = 0;  // a notice, or no whole word: nothing of it was said
  (void)say({wire::Played::kSegmentDone, span.segment, place.samples, place.bytes, at, 0, 0, 0}, span.turn,
            span.end_sequence + 1);
  release_through(span.end_sequence);
}

int PlayerStage::tell_turns_done(Nanos now) {
  int items = 0;
  while (!turn_ends_.empty() && !timeline_.has_turn(turn_ends_.front().turn)) {
    const TurnEnd end = turn_ends_.front();
    turn_ends_.pop_front();
    turn_done_ = end.turn;
    const bool spoke = position_.turn == end.turn;
    const Span::Place place = spoke ? position_.place : Span::Place{};
    (void)say(
        {wire::Played::kTurnDone, spoke ? position_.segment : 0, place.samples, place.bytes, now, 0, 0, 0},
        end.turn, end.sequence + 1);
    release_through(end.sequence);
    ++items;
  }
  return items;
}

void PlayerStage::tell_position(std::uint64_t heard, Nanos now) {
  const bool moving =
      !timeline_.empty() && heard > timeline_.front().begin && position_.turn == turn_started_;
  if (!moving || now - heard_said_ns_ < kHeardEvery) return;
  heard_said_ns_ = now;
  (void)say(
      {wire::Played::kHeard, position_.segment, position_.place.samples, position_.place.bytes, now, 0, 0, 0},
      position_.turn);
}

bool PlayerStage::say(const wire::Playback& head, std::uint32_t turn, std::uint64_t covers) {
  ipc::Sources sources;
  sources.seq[source_] = covers;
  if (playback_->consumer_closed()) return false;
  const ipc::PublishResult result =
      wire::send(*playback_, head, {}, {.turn = turn, .made_ns = head.at_ns, .sources = sources});
  if (result == ipc::PublishResult::kFull) log_warn("brain does not read what was heard; a report is lost");
  return result == ipc::PublishResult::kOk;
}

void PlayerStage::show(Nanos now, bool playing) {
  ipc::PlaybackPage& page = context_->board().playback();
  page.turn = position_.turn;
  page.segment = position_.segment;
  page.samples_heard = position_.place.samples;
  page.bytes_heard = position_.place.bytes;
  page.sample_rate = position_.rate;
  page.playing = playing ? 1 : 0;
  page.at_ns = now;
}

bool PlayerStage::all_heard(Nanos now) { return clock_.heard(now) >= playout_->queue().end(); }

// Both ends of stream must get through; a full ring is tried again.
void PlayerStage::finish() {
  ipc::Sources sources;
  sources.seq[source_] = end_of_stream_;
  if (!playback_->consumer_closed() &&
      wire::send(*playback_, wire::EndOfStream{}, {}, {.sources = sources}) != ipc::PublishResult::kOk)
    return;
  if (!echo_->consumer_closed() && wire::send(*echo_, wire::EndOfStream{}, {}, {}) != ipc::PublishResult::kOk)
    log_warn("capture does not read the echo reference; its end of stream is lost");
  if (end_of_stream_ != 0) release_through(end_of_stream_ - 1);
  finished_ = true;
}

}  // namespace prot::player
