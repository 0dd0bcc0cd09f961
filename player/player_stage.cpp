#include "player_stage.hpp"

#include <algorithm>
#include <utility>

#include "audio/pcm_format.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "device_choice.hpp"

namespace prot::player {
namespace {

constexpr Nanos kAhead = 100 * kMillisecond;     // queued before the device: what a cancel throws away
constexpr std::uint64_t kChunksForAFrame = 256;  // the largest frame at the lowest rate, and a pause
constexpr Nanos kLookEvery = 20 * kMillisecond;
constexpr Nanos kCutWithin = 150 * kMillisecond;  // then the audio thread hangs in its device

void count(ipc::Word& word) {
  word.store(word.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

PlayerStage::PlayerStage(stage::StageContext& context, std::shared_ptr<Playout> playout,
                         std::unique_ptr<PlayoutRunner> runner)
    : context_(&context),
      playout_(std::move(playout)),
      runner_(std::move(runner)),
      pcm_(&context.input("pcm")),
      playback_(&context.output("playback")),
      echo_(&context.output("echo")),
      source_(context.input_index("pcm")),
      timeline_(playout_->rate()),
      clock_(playout_->rate()),
      feeder_(*playout_, timeline_, context.config().get_int("player.sentence_silence_ms") * kMillisecond) {}

void PlayerStage::start() {
  const std::string name = runner_->start(context_->environment().generation > 1);
  context_->set_engine(name.empty() ? "not open" : name);
  for (const char* label : {"underruns", "device_underruns", "device_lost"})
    static_cast<void>(context_->counter(label));  // 0, not absent
  pcm_->resume(playback_->resume_sources().seq[source_]);
  const ipc::PlaybackPage& page = context_->board().playback();
  const ResumePoint point{page.turn, page.segment, static_cast<std::uint32_t>(page.samples_heard),
                          static_cast<std::uint32_t>(page.bytes_heard), page.sample_rate};
  feeder_.resume_at(point);
  position_ = {point.turn, point.segment, point.rate, {point.samples, point.bytes}};
  if (point.samples > 0 || point.segment > 0) turn_started_ = point.turn;
  cut_through_ = context_->board().conversation().cancelled_turn;
}

void PlayerStage::stop() noexcept {
  runner_->stop(finished_);
  context_->board().playback().playing = 0;
}

int PlayerStage::do_work(Nanos now) {
  if (finished_) return 0;
  // The audio thread sleeps to the end of the hold that it knows.
  const Nanos hold = context_->board().conversation().hold_until_ns;
  if (std::exchange(hold_seen_ns_, hold) != hold) playout_->poke();
  int items = read_reports(now);
  held_ = held_ || hold > now;
  if (!cut_pending(now)) {
    // What was announced at the begin of the hold is no longer waited for.
    if (held_ && hold <= now) {
      held_ = false;
      if (feeder_.sound_end() > clock_.written()) announce_echo(feeder_.turn(), now);
    }
    items += feed(now);
  }
  items += tell(now);
  return items;
}

Nanos PlayerStage::next_deadline(Nanos now) const {
  if (cut_seen_ns_ != 0) return now + kLookEvery;
  if (!playing_) return kNever;
  Nanos next = now + kLookEvery;
  if (!timeline_.empty() && timeline_.front().end > 0)
    if (const auto times = clock_.times_of(timeline_.front().end - 1); times && times->audible_ns > now)
      next = std::min(next, times->audible_ns + kMillisecond / 4);
  return next;
}

// ---- what the audio thread says

int PlayerStage::read_reports(Nanos now) {
  int items = 0;
  while (playout_->pop(report_)) {
    obey(report_, now);
    ++items;
  }
  return items;
}

void PlayerStage::obey(const Report& report, Nanos now) {
  switch (report.kind) {
    case Report::Kind::kPlayed:
      clock_.record(report.begin, report.end, report.written_ns, report.audible_ns);
      send_echo(report);
      break;
    case Report::Kind::kUnderrun:
      if (feeder_.open()) count(context_->counter("underruns"));
      break;
    case Report::Kind::kDry:
      count(context_->counter("device_underruns"));
      break;
    case Report::Kind::kHeld:
      clock_.cut(report.begin);
      echo_resync_ = true;
      count(context_->counter("holds"));
      break;
    case Report::Kind::kCut:
      cut(report.cancelled, report.begin, now);
      clock_.cut(report.end);
      echo_resync_ = true;
      break;
    case Report::Kind::kLost:
      clock_.cut(report.begin);
      echo_resync_ = true;
      count(context_->counter("device_lost"));
      break;
    case Report::Kind::kOpened:
      count(context_->counter("device_opened"));
      break;
  }
}

void PlayerStage::send_echo(const Report& report) {
  if (report.count == 0 || echo_->consumer_closed()) return;
  const wire::Echo head{playout_->rate(), report.count};
  const std::span samples(report.samples, report.count);
  // Silence tells capture that no more will come, unless it is told otherwise; that between two sentences.
  const bool pause = report.begin < report.end && feeder_.sound_end() > report.end &&
                     std::all_of(samples.begin(), samples.end(), [](std::int16_t s) { return s == 0; });
  if (pause) announce_echo(feeder_.turn(), report.written_ns);
  const Nanos begins = report.audible_ns - audio::frames_to_nanos(report.count, playout_->rate());
  // After a fade the device threw away what earlier frames announced: the mark says that times go back.
  const std::uint16_t flags = std::exchange(echo_resync_, false) ? ipc::kFlagResync : std::uint16_t{0};
  // Dropped when capture does not read: the ring counts it.
  (void)wire::send(*echo_, head, wire::as_bytes(samples),
                   {.turn = position_.turn, .made_ns = begins, .flags = flags});
}

// Before anything of it can be at the device: this loop may be late with what the audio thread reports, and
// what is in the microphone by then is not to be taken for a person.
void PlayerStage::announce_echo(std::uint32_t turn, Nanos now) {
  if (echo_->consumer_closed()) return;
  (void)wire::send(*echo_, wire::Echo{playout_->rate(), 0}, {}, {.turn = turn, .made_ns = now});
}

// ---- cancel

bool PlayerStage::cut_pending(Nanos now) {
  const std::uint64_t cancelled = context_->board().conversation().cancelled_turn;
  if (cancelled <= cut_through_) {
    cut_seen_ns_ = 0;
    return false;
  }
  if (cut_seen_ns_ == 0) {
    cut_seen_ns_ = now;
    playout_->poke();
  }
  if (now - cut_seen_ns_ < kCutWithin) return true;
  log_warn("the loudspeaker does not answer; turn {} is cut at the last known position", cancelled);
  cut(cancelled, clock_.heard(now), now);
  return false;
}

void PlayerStage::cut(std::uint64_t cancelled, std::uint64_t heard, Nanos now) {
  if (cancelled > cut_through_) {
    if (!timeline_.empty() && timeline_.front().turn <= cancelled) {
      const Span& span = timeline_.front();
      if (span.turn != position_.turn || heard >= span.begin)
        position_ = {span.turn, span.segment, span.rate, span.place(heard, playout_->rate())};
    } else if (position_.turn <= std::max<std::uint64_t>(turn_done_, cut_through_) ||
               position_.turn > cancelled) {
      position_ = {static_cast<std::uint32_t>(cancelled), 0, 0, {}};
    }
    if (position_.turn > std::max<std::uint64_t>(turn_done_, cut_through_))
      (void)say({wire::Played::kCutAt, position_.segment, position_.place.samples, position_.place.bytes, now,
                 0, 0, 0},
                position_.turn);
    show(now, false);
    cut_through_ = cancelled;
  }
  timeline_.drop_through(cancelled);
  feeder_.drop_through(cancelled);
  std::erase_if(turn_ends_, [cancelled](const TurnEnd& end) { return end.turn <= cancelled; });
  std::uint64_t stale = 0;
  for (; !in_hand_.empty() && in_hand_.front().turn <= cancelled; in_hand_.pop_front()) {
    stale = in_hand_.front().sequence + 1;
    count(context_->counter("cut_frames"));
  }
  if (stale != 0) pcm_->release_through(stale - 1);
}

// ---- pcm in

int PlayerStage::feed(Nanos now) {
  int items = 0;
  while (!input_over_ && wants_more()) {
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    const ipc::TakeResult result = pcm_->peek(info, payload);
    if (result == ipc::TakeResult::kFaulted) throw Error("ring pcm: it is damaged");
    if (result == ipc::TakeResult::kEmpty) {
      input_over_ = pcm_->producer_closed() && !pcm_->has_data();
      if (input_over_) log_warn("tts is gone for good: ending");
      make_room(clock_.heard(now));
      break;
    }
    ++items;
    if (context_->board().is_cancelled(info.turn)) {
      pcm_->drop_stale(context_->board().conversation().cancelled_turn);
      in_hand_.clear();
      continue;
    }
    if (wire::is<wire::PcmAudio>(info) && playout_->queue().end() == clock_.written())
      announce_echo(info.turn, now);
    take(info, payload, now);
    in_hand_.push_back({info.sequence, info.turn, playout_->queue().end()});
  }
  if (items > 0) make_room(clock_.heard(now));
  return items;
}

bool PlayerStage::wants_more() const {
  const std::uint64_t ahead = playout_->queue().end() - clock_.written();
  return playout_->queue().room() > kChunksForAFrame &&
         audio::frames_to_nanos(static_cast<std::int64_t>(ahead), playout_->rate()) < kAhead;
}

void PlayerStage::take(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now) {
  std::span<const std::byte> tail;
  wire::PcmStart start{};
  wire::PcmAudio audio{};
  wire::PcmAlign align{};
  wire::PcmSegmentEnd end{};
  wire::PcmTurnEnd turn_end{};
  if (wire::decode(info, payload, audio, tail)) {
    feeder_.audio(info.turn, audio, tail, info.made_ns);
  } else if (wire::decode(info, payload, start, tail) && start.sample_rate >= 4000 &&
             start.sample_rate <= 192'000) {
    feeder_.start(info.turn, start, info.made_ns, quiet_since(info.turn), now);
  } else if (wire::decode(info, payload, align, tail)) {
    feeder_.align(info.turn, align, tail);
  } else if (wire::decode(info, payload, end, tail)) {
    feeder_.end(info.turn, end, info.sequence);
    last_end_turn_ = info.turn;
    last_end_ns_ = kNever;
  } else if (wire::decode(info, payload, turn_end, tail)) {
    turn_ends_.push_back({info.turn, turn_end.segments, info.sequence});
  } else if (wire::is<wire::EndOfStream>(info)) {
    end_of_stream_ = info.sequence + 1;
    input_over_ = true;
  } else {
    log_error("ring pcm: a frame of kind {} version {} is not understood; left out", info.kind, info.version);
    count(context_->counter("bad_frames"));
  }
}

// When the segment before it in the same turn ends at the DAC; kNever: later; 0: there is none.
Nanos PlayerStage::quiet_since(std::uint32_t turn) const { return last_end_turn_ == turn ? last_end_ns_ : 0; }

// A segment is kept whole until it was heard, but not at the price of a ring that cannot take its end.
void PlayerStage::make_room(std::uint64_t heard) {
  if (pcm_->used() < pcm_->capacity() / 4 * 3) return;
  std::uint64_t through = 0;
  for (; !in_hand_.empty() && in_hand_.front().end <= heard; in_hand_.pop_front())
    through = in_hand_.front().sequence + 1;
  if (through != 0) pcm_->release_through(through - 1);
}

void PlayerStage::release_through(std::uint64_t sequence) {
  while (!in_hand_.empty() && in_hand_.front().sequence <= sequence) in_hand_.pop_front();
  pcm_->release_through(sequence);
}

std::unique_ptr<stage::Stage> make_player_stage(stage::StageContext& context) {
  const stage::Config& config = context.config();
  const SinkOptions options;
  auto playout = std::make_shared<Playout>(open_first_of(sink_candidates(config), options), options.rate,
                                           context.board().conversation(), context.bell(), context.clock());
  auto thread = std::make_unique<AudioThread>(playout);
  return std::make_unique<PlayerStage>(context, std::move(playout), std::move(thread));
}

}  // namespace prot::player
