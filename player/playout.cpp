#include "playout.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/copy_bytes.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::player {
namespace {

constexpr unsigned kPeriodMs = 10;
constexpr unsigned kFadeMs = 10;
constexpr unsigned kPadMs = 20;  // silence behind the last sample: pushes it out of every buffer
// Written as soon as the device is open. PulseAudio's account of the latency starts to run when a stream is
// connected and would be behind by all the time until the first sample; an idle null sink has rendered up to
// two seconds ahead and lets the first writer wait for it.
constexpr unsigned kPrimeMs = 80;
constexpr unsigned kClickMs = 3;    // an abrupt end is led to zero in this time
constexpr unsigned kRingEvery = 2;  // periods for each wake of the loop
constexpr unsigned kOneGap = 10;    // periods: device and clock both tell of it, one after the other
constexpr Nanos kFirstBackOff = 250 * kMillisecond;
constexpr Nanos kLastBackOff = 5 * kSecond;

ipc::Doorbell duplicate(const ipc::Doorbell& bell) {
  UniqueFd fd(::fcntl(bell.fd(), F_DUPFD_CLOEXEC, 3));
  if (!fd) throw errno_error("cannot duplicate the bell");
  return ipc::Doorbell(std::move(fd));
}

std::int16_t scaled(std::int16_t sample, std::uint32_t part, std::uint32_t whole) noexcept {
  return static_cast<std::int16_t>(static_cast<std::int64_t>(sample) * part / whole);
}

}  // namespace

Playout::Playout(SinkOpener opener, unsigned rate, const ipc::ConversationPage& conversation,
                 const ipc::Doorbell& stage_bell, const Clock& clock)
    : opener_(std::move(opener)),
      rate_(rate),
      conversation_(&conversation),
      stage_bell_(duplicate(stage_bell)),
      clock_(&clock),
      heard_(rate) {}

// ---- loop

void Playout::push(std::uint32_t turn, std::span<const std::int16_t> samples) noexcept {
  queue_.push(turn, samples);
  // Seq_cst on both sides: either we see the flag or the sleeper sees the chunk.
  if (asleep_.load(std::memory_order_seq_cst)) bell_.ring();
}

// ---- audio thread

std::string Playout::open() {
  sink_ = opener_();
  pad_left_ = rate_ * kPrimeMs / 1000;
  return sink_->name();
}

void Playout::close(bool play_out) noexcept {
  if (!sink_) return;
  try {
    if (play_out) sink_->drain();
    sink_.reset();
  } catch (const Error& error) {
    log_warn("loudspeaker: {}", full_message(error));
  }
}

Nanos Playout::step() {
  Nanos now = clock_->now();
  try {
    crowded_ = !obey(now);
    if (crowded_) return now + kPeriodMs * kMillisecond;  // the loop has to read reports first
    if (!sink_) return reopen(now);
    if (held_) return hold_seen_;
    const Chunk* chunk = queue_.front();
    if (chunk == nullptr) return pad(now);
    play(*chunk, now);
    return 0;
  } catch (const Error& error) {
    lose(now, full_message(error));
    return retry_at_;
  }
}

// False: a report does not fit, so the same must be told again.
bool Playout::obey(Nanos now) {
  // The hold first: brain cancels a turn before it takes the hold back, so who sees that sees the cancel too.
  hold_seen_ = conversation_->hold_until_ns.load(std::memory_order_acquire);
  const std::uint64_t cancelled = conversation_->cancelled_turn.load(std::memory_order_acquire);
  if (cancelled > obeyed_) cancel(cancelled, now);
  if (skip_cancelled()) cut_untold_ = true;
  if (cut_untold_ && !tell(Report::Kind::kCut, cut_heard_)) return false;
  cut_untold_ = false;
  const bool hold = hold_seen_ > now;
  if (hold && !held_) {
    const std::uint64_t heard = heard_.heard(now);
    if (heard < queue_.position()) silence(heard);
    if (!tell(Report::Kind::kHeld, heard)) return false;
  }
  held_ = hold;
  return true;
}

void Playout::cancel(std::uint64_t cancelled, Nanos now) {
  const std::uint64_t heard = heard_.heard(now);
  const std::uint32_t turn = queue_.turn_at(heard);
  if (heard < queue_.position() && turn != 0 && turn <= cancelled) {
    silence(heard);
    fade_in_ = 0;  // what comes next begins by itself
  }
  obeyed_ = cancelled;
  cut_heard_ = heard;
  cut_untold_ = true;
}

// Makes the device silent and goes back to `heard`, the first position that nobody has heard. What the device
// held is thrown away and the next 10 ms from that position are written instead, fading to zero.
void Playout::silence(std::uint64_t heard) {
  const Nanos now = clock_->now();
  const std::uint32_t fade = rate_ * kFadeMs / 1000;
  std::int16_t samples[2 * Chunk::kMaxSamples] = {};  // the fade and a period of silence that pushes it out
  if (sink_) sink_->flush();
  queue_.rewind(heard);
  std::uint32_t at = 0;
  while (at < fade) {
    const Chunk* chunk = queue_.front();
    if (chunk == nullptr) break;
    const std::uint32_t part = std::min(chunk->count - queue_.offset(), fade - at);
    for (std::uint32_t i = 0; i < part; ++i)
      samples[at + i] = scaled(chunk->samples[queue_.offset() + i], fade - at - i, fade);
    queue_.advance(part);
    at += part;
  }
  queue_.rewind(heard);
  heard_.cut(heard);
  if (sink_) {
    write(std::span(samples, fade), heard, heard, now);
    write(std::span(samples + fade, rate_ * kPeriodMs / 1000), heard, heard, now);
  }
  pad_left_ = 0;
  sounding_ = false;
  fade_in_ = fade;
}

// True: something was left out. The device holds nothing of it, nor of what was before it.
bool Playout::skip_cancelled() noexcept {
  const std::uint64_t from = queue_.position();
  for (const Chunk* chunk = queue_.front(); chunk != nullptr && chunk->turn != 0 && chunk->turn <= obeyed_;
       chunk = queue_.front())
    queue_.advance(chunk->count - queue_.offset());
  if (queue_.position() == from) return false;
  heard_.cut(queue_.position());
  queue_.release_before(queue_.position());
  return true;
}

// A device that played all that it had has made a gap: what follows is faded in. What came before it was
// given away long ago: a tail behind each write, taken back by the next, was tried on PulseAudio and is
// heard.
void Playout::watch_for_gap(Nanos now) {
  const bool told = sink_->ran_dry();  // asked in silence, too: that one is no gap
  since_dry_ = std::min(since_dry_ + 1, kOneGap);
  if (!sounding_) return;
  if (!told && heard_.heard(now) < queue_.position()) return;
  if (since_dry_ < kOneGap) return;
  since_dry_ = 0;
  fade_in_ = rate_ * kFadeMs / 1000;
  (void)tell(Report::Kind::kDry, queue_.position());  // for a counter only
}

void Playout::play(const Chunk& chunk, Nanos now) {
  watch_for_gap(now);
  const std::uint32_t offset = queue_.offset();
  const std::uint32_t count = chunk.count - offset;
  std::int16_t samples[Chunk::kMaxSamples];
  std::memcpy(samples, chunk.samples + offset, count * sizeof(std::int16_t));
  const std::uint32_t fade = rate_ * kFadeMs / 1000;
  for (std::uint32_t i = 0; i < count && fade_in_ > 0; ++i, --fade_in_)
    samples[i] = scaled(samples[i], fade - fade_in_, fade);
  const std::uint64_t begin = queue_.position();
  queue_.advance(count);
  write(std::span(samples, count), begin, begin + count, now);
  last_sample_ = samples[count - 1];
  sounding_ = true;
  pad_left_ = rate_ * kPadMs / 1000;
}

// Nothing is queued: some silence first, so that what was written gets out of every buffer, then sleep.
Nanos Playout::pad(Nanos now) {
  if (pad_left_ == 0) return kNever;
  const std::uint32_t count = std::min(pad_left_, rate_ * kPeriodMs / 1000);
  std::int16_t samples[Chunk::kMaxSamples] = {};
  if (std::exchange(sounding_, false)) {
    // What ran dry before this is silent already.
    const bool silent = heard_.heard(now) >= queue_.position();
    const std::uint32_t ramp = silent ? 0 : std::min(count, rate_ * kClickMs / 1000);
    for (std::uint32_t i = 0; i < ramp; ++i) samples[i] = scaled(last_sample_, ramp - i - 1, ramp);
    if (last_sample_ != 0) fade_in_ = rate_ * kFadeMs / 1000;
    (void)tell(Report::Kind::kUnderrun, queue_.position());  // for a counter only
  }
  pad_left_ -= count;
  write(std::span(samples, count), queue_.position(), queue_.position(), now);
  if (pad_left_ == 0) stage_bell_.ring();
  return 0;
}

void Playout::write(std::span<const std::int16_t> samples, std::uint64_t begin, std::uint64_t end,
                    Nanos now) {
  sink_->write(samples);
  if (ended_.load(std::memory_order_acquire)) return;  // left behind: nothing of the stage may be touched
  const Nanos audible = clock_->now() + sink_->latency();
  heard_.record(begin, end, now, audible);
  queue_.release_before(heard_.heard(clock_->now()));
  report_.kind = Report::Kind::kPlayed;
  report_.begin = begin;
  report_.end = end;
  report_.cancelled = 0;
  report_.written_ns = now;
  report_.audible_ns = audible;
  report_.count = static_cast<std::uint32_t>(samples.size());
  copy_bytes(report_.samples, samples.data(), samples.size_bytes());
  // A loop that has not read for seconds loses positions, never sound; the next report makes up for it.
  (void)reports_.push(report_);
  if (++unrung_ >= kRingEvery || queue_.front() == nullptr) {
    unrung_ = 0;
    stage_bell_.ring();
  }
}

bool Playout::tell(Report::Kind kind, std::uint64_t heard) noexcept {
  report_.kind = kind;
  report_.begin = heard;
  report_.end = queue_.position();
  report_.cancelled = obeyed_;
  report_.count = 0;
  const bool told = reports_.push(report_);
  stage_bell_.ring();
  return told;
}

// ---- the device's loss

void Playout::lose(Nanos now, const std::string& why) noexcept {
  if (back_off_ == 0) log_error("loudspeaker: {}; trying again", why);
  const std::uint64_t heard = heard_.heard(now);
  queue_.rewind(heard);
  heard_.cut(heard);
  sink_.reset();
  fade_in_ = rate_ * kFadeMs / 1000;
  pad_left_ = 0;
  sounding_ = false;
  (void)tell(Report::Kind::kLost, heard);
  back_off_ = back_off_ == 0 ? kFirstBackOff : std::min(2 * back_off_, kLastBackOff);
  retry_at_ = now + back_off_;
}

Nanos Playout::reopen(Nanos now) {
  if (now < retry_at_) return retry_at_;
  try {
    const std::string name = open();
    log_info("loudspeaker: {} is back", name);
  } catch (const Error& error) {
    back_off_ = back_off_ == 0 ? kFirstBackOff : std::min(2 * back_off_, kLastBackOff);
    retry_at_ = now + back_off_;
    return retry_at_;
  }
  back_off_ = 0;
  (void)tell(Report::Kind::kOpened, queue_.position());
  return 0;
}

// ---- sleep

bool Playout::work_waits() const noexcept {
  if (crowded_) return false;
  if (conversation_->cancelled_turn.load(std::memory_order_acquire) > obeyed_) return true;
  if (conversation_->hold_until_ns.load(std::memory_order_acquire) != hold_seen_) return true;
  return sink_ != nullptr && !held_ && queue_.front() != nullptr;
}

void Playout::wait(Nanos until) {
  if (until == 0) return;
  asleep_.store(true, std::memory_order_seq_cst);
  if (!work_waits()) {
    const Nanos left = until == kNever ? 0 : std::max<Nanos>(until - clock_->now(), 0);
    const timespec timeout{left / kSecond, left % kSecond};
    pollfd bell{bell_.fd(), POLLIN, 0};
    ::ppoll(&bell, 1, until == kNever ? nullptr : &timeout, nullptr);
  }
  asleep_.store(false, std::memory_order_relaxed);
  bell_.clear();
}

}  // namespace prot::player
