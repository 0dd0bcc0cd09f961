#include "feeder.hpp"

#include <algorithm>
#include <cstdlib>

#include "audio/pcm_format.hpp"
#include "base/copy_bytes.hpp"

namespace prot::player {
namespace {

constexpr int kAudible = 200;    // about -44 dB of full scale
constexpr int kAbrupt = 32;      // a step of less than this nobody hears
constexpr unsigned kSeamMs = 5;  // an abrupt end or beginning is led from or to zero in this time
constexpr std::uint32_t kUnknownRate = 22'050;  // of a segment whose start was lost

}  // namespace

void Feeder::start(std::uint32_t turn, const wire::PcmStart& head, Nanos made_ns, Nanos quiet_since,
                   Nanos now) {
  made_ns_ = made_ns;
  first_pcm_ns_ = 0;
  if (is_current(turn, head.segment)) return restart(turn, head);
  const bool follows = head.segment > 0 && quiet_since != 0 && head.joins == 0;
  std::uint32_t skip_samples = 0;
  std::uint32_t skip_bytes = 0;
  if (resume_.turn == turn && resume_.segment == head.segment && resume_.rate == head.sample_rate) {
    skip_samples = resume_.samples;
    skip_bytes = resume_.bytes;
  }
  resume_ = {};
  if (follows && skip_samples == 0) {
    // The pause may be over in part already: the segment was late.
    const Nanos passed = quiet_since == kNever ? 0 : std::max<Nanos>(0, now - quiet_since);
    const auto samples = static_cast<std::size_t>(
        audio::nanos_to_frames(std::max<Nanos>(0, sentence_silence_ - passed), playout_->rate()));
    queue(turn, std::vector<std::int16_t>(samples));
  }
  begin_span(turn, head.segment, head.sample_rate, head.text_bytes, skip_samples, skip_bytes);
}

// tts was restarted and speaks the segment anew, not sample by sample the same: what is queued is played,
// then it goes on with the first word that is not wholly in it.
void Feeder::restart(std::uint32_t turn, const wire::PcmStart& head) {
  Span& old = timeline_->back();
  if (resampler_) resampler_->reset();
  lead_to_zero(turn);
  old.end = playout_->queue().end();
  old.replaced = true;
  const std::uint32_t bytes = std::max(old.skip_bytes, old.bytes_at(old.samples));
  const std::uint32_t samples = old.alignment.empty() ? old.samples : 0;
  begin_span(turn, head.segment, head.sample_rate, head.text_bytes, samples, bytes);
}

void Feeder::begin_span(std::uint32_t turn, std::uint32_t segment, std::uint32_t rate,
                        std::uint32_t text_bytes, std::uint32_t skip_samples, std::uint32_t skip_bytes) {
  Span span;
  span.turn = turn;
  span.segment = segment;
  span.rate = rate;
  span.text_bytes = text_bytes;
  span.begin = span.end = playout_->queue().end();
  span.first_sample = skip_samples;
  span.skip_bytes = skip_bytes;
  timeline_->add(std::move(span));
  open_ = true;
  current_turn_ = turn;
  skip_samples_ = skip_samples;
  skip_bytes_ = skip_bytes;
  fade_in_ = skip_samples + skip_bytes > 0 ? playout_->rate() * kSeamMs / 1000 : 0;
  if (resampler_ && resampler_rate_ == rate)
    resampler_->reset();
  else
    resampler_.emplace(rate, playout_->rate());
  resampler_rate_ = rate;
}

bool Feeder::is_current(std::uint32_t turn, std::uint32_t segment) const noexcept {
  return open_ && current_turn_ == turn && !timeline_->empty() && timeline_->back().segment == segment;
}

void Feeder::align(std::uint32_t turn, const wire::PcmAlign& head, std::span<const std::byte> points) {
  if (!is_current(turn, head.segment)) return;
  Span& span = timeline_->back();
  const std::size_t count = std::min<std::size_t>(head.count, points.size() / sizeof(wire::AlignPoint));
  const std::size_t known = span.alignment.size();
  span.alignment.resize(known + count);
  copy_bytes(span.alignment.data() + known, points.data(), count * sizeof(wire::AlignPoint));
}

void Feeder::audio(std::uint32_t turn, const wire::PcmAudio& head, std::span<const std::byte> samples,
                   Nanos made_ns) {
  if (!is_current(turn, head.segment)) {
    const bool resumed = resume_.turn == turn && resume_.segment == head.segment;
    begin_span(turn, head.segment, resumed && resume_.rate != 0 ? resume_.rate : kUnknownRate, 0,
               resumed ? resume_.samples : 0, 0);
  }
  Span& span = timeline_->back();
  if (first_pcm_ns_ == 0) first_pcm_ns_ = made_ns;
  input_.resize(samples.size() / sizeof(std::int16_t));
  copy_bytes(input_.data(), samples.data(), input_.size() * sizeof(std::int16_t));
  const std::uint32_t behind = head.first_sample + static_cast<std::uint32_t>(input_.size());
  std::uint32_t skip = skip_samples_;
  if (skip_bytes_ > 0) {
    // The alignment may come in parts: as long as it ends before that word, all is left out.
    skip = std::max(skip, span.sample_after(skip_bytes_));
    span.first_sample = std::min(skip, behind);
  }
  std::span<const std::int16_t> fresh = input_;
  if (head.first_sample < skip)
    fresh = fresh.subspan(std::min<std::size_t>(skip - head.first_sample, fresh.size()));
  span.samples = behind;
  if (fresh.empty()) return;
  if (span.end == span.begin && fade_in_ == 0 && std::abs(static_cast<int>(fresh.front())) > kAbrupt)
    fade_in_ = playout_->rate() * kSeamMs / 1000;
  resampled_.clear();
  resampler_->process(fresh, resampled_);
  queue_resampled();
}

void Feeder::end(std::uint32_t turn, const wire::PcmSegmentEnd& head, std::uint64_t sequence) {
  if (!is_current(turn, head.segment)) begin_span(turn, head.segment, kUnknownRate, 0, 0, 0);
  resampled_.clear();
  resampler_->flush(resampled_);
  queue_resampled();
  if (std::abs(static_cast<int>(last_sample_)) > kAbrupt) lead_to_zero(turn);
  Span& span = timeline_->back();
  span.end = playout_->queue().end();
  span.ended = true;
  span.failed = head.failed != 0;
  span.end_sequence = sequence;
  open_ = false;
}

void Feeder::drop_through(std::uint64_t turn) {
  if (current_turn_ > turn) return;
  open_ = false;
  last_sample_ = 0;
}

void Feeder::queue_resampled() {
  const std::uint32_t fade = playout_->rate() * kSeamMs / 1000;
  for (std::int16_t& sample : resampled_) {
    if (fade_in_ == 0) break;
    sample = static_cast<std::int16_t>(sample * static_cast<std::int32_t>(fade - fade_in_) /
                                       static_cast<std::int32_t>(fade));
    --fade_in_;
  }
  note_onset(resampled_);
  queue(current_turn_, resampled_);
  timeline_->back().end = playout_->queue().end();
  if (!resampled_.empty()) last_sample_ = resampled_.back();
}

void Feeder::note_onset(std::span<const std::int16_t> samples) {
  if (onset_ && onset_->turn == current_turn_) return;
  const auto loud = std::find_if(samples.begin(), samples.end(),
                                 [](std::int16_t s) { return std::abs(static_cast<int>(s)) >= kAudible; });
  if (loud == samples.end()) return;
  onset_ = Onset{current_turn_, timeline_->back().segment,
                 playout_->queue().end() + static_cast<std::uint64_t>(loud - samples.begin()), made_ns_,
                 first_pcm_ns_};
}

void Feeder::queue(std::uint32_t turn, std::span<const std::int16_t> samples) {
  const std::size_t most = std::min<std::size_t>(playout_->rate() / 100, Chunk::kMaxSamples);
  const auto last = std::find_if(samples.rbegin(), samples.rend(), [](std::int16_t s) { return s != 0; });
  if (last != samples.rend())
    sound_end_ = playout_->queue().end() + static_cast<std::uint64_t>(samples.rend() - last);
  for (; !samples.empty(); samples = samples.subspan(std::min(most, samples.size())))
    playout_->push(turn, samples.first(std::min(most, samples.size())));
}

void Feeder::lead_to_zero(std::uint32_t turn) {
  const std::uint32_t ramp = playout_->rate() * kSeamMs / 1000;
  std::vector<std::int16_t> samples(ramp);
  for (std::uint32_t i = 0; i < ramp; ++i)
    samples[i] = static_cast<std::int16_t>(last_sample_ * static_cast<std::int32_t>(ramp - i - 1) /
                                           static_cast<std::int32_t>(ramp));
  queue(turn, samples);
  last_sample_ = 0;
}

}  // namespace prot::player
