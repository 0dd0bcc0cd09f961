#include "failover_synthesizer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::tts {
namespace {

constexpr Nanos kFirstBackOff = 5 * kSecond;
constexpr Nanos kLastBackOff = 300 * kSecond;
constexpr Nanos kLongestLook =
    2 * kSecond;  // the loop looks each second: longer, and we were stopped ourselves
constexpr unsigned kNoticeRate = 24'000;
constexpr Nanos kProbePatience = 10 * kSecond;  // it may have to load a model
constexpr Nanos kProbeAgain = kSecond;          // one that was broken off for a turn
constexpr Nanos kLastPatience = 4;              // so many times as long with one that nobody follows

}  // namespace

std::vector<std::int16_t> notice_tones(unsigned rate) {
  constexpr double kLoudness = 5000;
  const std::size_t lead = rate * 20 / 1000;  // a loudspeaker that ran dry swallows its first sound
  const std::size_t length = rate * 120 / 1000;
  const std::size_t gap = rate * 20 / 1000;
  const auto ramp = static_cast<double>(rate) * 0.01;
  std::vector<std::int16_t> samples(lead, 0);
  for (const double pitch : {659.3, 440.0}) {
    for (std::size_t i = 0; i < length; ++i) {
      const auto edge = static_cast<double>(std::min(i, length - 1 - i));
      const double phase = 2 * std::numbers::pi * pitch * static_cast<double>(i) / rate;
      samples.push_back(
          static_cast<std::int16_t>(std::lround(kLoudness * std::min(1.0, edge / ramp) * std::sin(phase))));
    }
    samples.insert(samples.end(), gap, 0);
  }
  return samples;
}

FailoverSynthesizer::FailoverSynthesizer(const std::map<std::string, Chain>& voices, std::string fallback,
                                         Nanos silence, const Clock& clock)
    : fallback_(std::move(fallback)), silence_(silence), clock_(&clock) {
  for (const auto& [language, chain] : voices)
    for (const std::shared_ptr<Synthesizer>& voice : chain)
      speakers_[language].candidates.push_back({voice, {kFirstBackOff, kLastBackOff}});
  if (speakers_.count(fallback_) == 0) throw Error("bug: no voice for the language '" + fallback_ + "'");
}

void FailoverSynthesizer::start() {
  for (auto& [language, speaker] : speakers_) {
    Candidate& first = speaker.candidates.front();
    try {
      first.voice->start();
    } catch (const Error& error) {
      fail(first, full_message(error), clock_->now());
      const auto next = std::min<std::size_t>(1, speaker.candidates.size() - 1);
      speaker.used = next;
      log_warn("{} is spoken by {} until that is mended", language == "ko" ? "Korean" : "English",
               next > 0 ? speaker.candidates[next].voice->name() : "nobody");
    }
  }
}

void FailoverSynthesizer::tend() {
  const Nanos now = clock_->now();
  for (auto& [language, speaker] : speakers_) {
    for (Candidate& candidate : speaker.candidates) {
      candidate.voice->tend();
      if (candidate.back_off.failed() && speaker_ == nullptr) probe(candidate, language, now);
    }
    const auto well = std::find_if(speaker.candidates.begin(), speaker.candidates.end(),
                                   [](const Candidate& one) { return !one.back_off.failed(); });
    if (speaker_ == nullptr && well != speaker.candidates.end())
      speaker.used = std::min(speaker.used, static_cast<std::size_t>(well - speaker.candidates.begin()));
  }
}

// Whether it speaks is seen by its first sound; what it says is heard by nobody.
void FailoverSynthesizer::probe(Candidate& candidate, const std::string& language, Nanos now) {
  if (candidate.probe_until == 0) {
    if (now < candidate.back_off.due() || !candidate.voice->idle()) return;
    candidate.probe_until = now + kProbePatience;
    candidate.voice->begin({0, 0, language == "ko" ? "네." : "Yes.", language});
  }
  for (Piece piece; candidate.voice->poll(piece);) {
    if (piece.kind == Piece::Kind::kFailed) return probe_failed(candidate, piece.message, now);
    if (piece.kind != Piece::Kind::kSamples && piece.kind != Piece::Kind::kDone) continue;
    if (piece.kind == Piece::Kind::kSamples) candidate.voice->cancel();
    candidate.probe_until = 0;
    candidate.back_off.answer_probe();
    log_info("voice {} speaks again", candidate.voice->name());
    return;
  }
  if (now < candidate.probe_until) return;
  candidate.voice->cancel();
  probe_failed(candidate, candidate.voice->name() + ": nothing came", now);
}

void FailoverSynthesizer::probe_failed(Candidate& candidate, const std::string& why, Nanos now) {
  candidate.probe_until = 0;
  candidate.back_off.fail_probe(now);
  log_info("voice {} still; tried again in {} s", why, candidate.back_off.pause() / kSecond);
}

// Nothing is in the way of what is to be said.
void FailoverSynthesizer::break_probes(Nanos now) noexcept {
  for (auto& [language, speaker] : speakers_) {
    for (Candidate& candidate : speaker.candidates) {
      if (std::exchange(candidate.probe_until, 0) == 0) continue;
      candidate.voice->cancel();
      candidate.back_off.put_off(now + kProbeAgain);
    }
  }
}

FailoverSynthesizer::Speaker& FailoverSynthesizer::speaker_for(const std::string& language) {
  const auto found = speakers_.find(language);
  return found != speakers_.end() ? found->second : speakers_.at(fallback_);
}

// A voice that failed stays silent for the turn, if there is another one: a voice that changes with every
// sentence is worse.
FailoverSynthesizer::Rank FailoverSynthesizer::rank_of(const Candidate& candidate, Nanos now) const {
  const bool failed_now = candidate.failed_turn == request_.turn;
  if (!candidate.back_off.failed()) return failed_now ? Rank::kWellAgain : Rank::kWell;
  return !failed_now && now >= candidate.back_off.due() && candidate.voice->idle() ? Rank::kPerhaps
                                                                                   : Rank::kNo;
}

void FailoverSynthesizer::fail(Candidate& candidate, const std::string& why, Nanos now) {
  candidate.back_off.fail(now);
  candidate.spoken_turn.reset();
  candidate.failed_turn = request_.turn;
  log_error("voice {}; tried again in {} s at the earliest", why, candidate.back_off.pause() / kSecond);
}

// A short segment may come in time where a long one does not: only a whole turn shows that a voice is well.
void FailoverSynthesizer::spoke(Candidate& candidate) const noexcept {
  candidate.back_off.answer_probe();
  if (candidate.failed_turn != request_.turn) candidate.spoken_turn = request_.turn;
}

void FailoverSynthesizer::judge_turn() noexcept {
  for (auto& [language, speaker] : speakers_) {
    for (Candidate& candidate : speaker.candidates) {
      if (!candidate.spoken_turn || candidate.spoken_turn == request_.turn) continue;
      candidate.spoken_turn.reset();
      candidate.back_off.answer();
    }
  }
}

void FailoverSynthesizer::begin(const SpeechRequest& request) {
  request_ = request;
  last_words_.clear();
  const Nanos now = clock_->now();
  judge_turn();
  break_probes(now);
  speaker_ = &speaker_for(request.language);
  if (!hand_to(now)) give_up("no voice is left");
}

bool FailoverSynthesizer::hand_to(Nanos now) {
  heard_ = retried_ = waits_ = false;
  silent_since_ = lag_ = 0;
  looked_ = now;
  std::vector<Candidate>& candidates = speaker_->candidates;
  for (const Rank rank : {Rank::kWell, Rank::kWellAgain, Rank::kPerhaps}) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (rank_of(candidates[i], now) != rank) continue;
      speaker_->used = i;
      candidates[i].voice->begin(request_);
      return true;
    }
  }
  return false;
}

bool FailoverSynthesizer::poll(Piece& piece) {
  if (speaker_ == nullptr) return false;
  if (!last_words_.empty()) {
    piece = std::move(last_words_.back());
    last_words_.pop_back();
    if (last_words_.empty()) speaker_ = nullptr;
    return true;
  }
  return look(piece, clock_->now());
}

bool FailoverSynthesizer::look(Piece& piece, Nanos now) {
  Candidate& candidate = speaker_->candidates[speaker_->used];
  const bool stopped = now - looked_ > kLongestLook;
  if (heard_ && waits_ && !stopped) lag_ += now - looked_;
  looked_ = now;
  waits_ = !candidate.voice->poll(piece);
  if (waits_) {
    if (silent_since_ == 0 || stopped) silent_since_ = now;
    const bool silent = now - silent_since_ >= silence_;
    if (!silent && lag_ < longest_lag(now)) return false;
    candidate.voice->cancel();
    const std::string what = silent ? "nothing came for " : "its sound came later than it is heard, by ";
    return take_over(piece,
                     candidate.voice->name() + ": " + what +
                         std::to_string((silent ? silence_ : lag_) / kMillisecond) + " ms",
                     now);
  }
  if (piece.kind == Piece::Kind::kSamples) {
    silent_since_ = 0;
    lag_ -= static_cast<Nanos>(piece.samples.size()) * kSecond / std::max(1U, piece.rate);
  }
  if (piece.kind == Piece::Kind::kFailed) {
    const bool hopeless = piece.error == VoiceError::kAuth || piece.error == VoiceError::kQuota ||
                          piece.error == VoiceError::kUnavailable;
    if (heard_ || retried_ || hopeless) return take_over(piece, piece.message, now);
    log_warn("{}; trying once more", piece.message);
    retried_ = true;
    candidate.voice->begin(request_);
    return look(piece, now);
  }
  heard_ = heard_ || piece.kind == Piece::Kind::kSamples;
  if (piece.kind != Piece::Kind::kDone) return true;
  if (candidate.back_off.failed()) log_info("voice {} speaks again", candidate.voice->name());
  spoke(candidate);
  speaker_ = nullptr;
  return true;
}

// A slow voice is better than none.
Nanos FailoverSynthesizer::longest_lag(Nanos now) const {
  const std::vector<Candidate>& all = speaker_->candidates;
  const bool other = std::any_of(all.begin(), all.end(), [&](const Candidate& one) {
    return &one != &all[speaker_->used] && rank_of(one, now) < Rank::kPerhaps;
  });
  return other ? silence_ : kLastPatience * silence_;
}

bool FailoverSynthesizer::take_over(Piece& piece, const std::string& why, Nanos now) {
  fail(speaker_->candidates[speaker_->used], why, now);
  if (!hand_to(now)) {
    give_up(why);
    return poll(piece);
  }
  log_warn("{} goes on", speaker_->candidates[speaker_->used].voice->name());
  piece = {};
  piece.kind = Piece::Kind::kAnew;
  return true;
}

void FailoverSynthesizer::give_up(const std::string& why) {
  const Nanos now = clock_->now();
  Piece failed;
  failed.kind = Piece::Kind::kFailed;
  failed.error = VoiceError::kFatal;
  failed.message = why;
  failed.began_ns = failed.first_audio_ns = now;
  last_words_.clear();
  last_words_.push_back(std::move(failed));
  if (std::exchange(notice_turn_, request_.turn) == request_.turn) return;
  Piece tones;
  tones.kind = Piece::Kind::kSamples;
  tones.rate = kNoticeRate;
  tones.samples = notice_tones(kNoticeRate);
  tones.began_ns = tones.first_audio_ns = now;
  Piece notice;
  notice.kind = Piece::Kind::kNotice;
  notice.rate = kNoticeRate;
  notice.began_ns = now;
  last_words_.push_back(std::move(tones));
  last_words_.push_back(std::move(notice));
}

void FailoverSynthesizer::cancel() noexcept {
  if (speaker_ == nullptr) return;
  Candidate& candidate = speaker_->candidates[speaker_->used];
  if (last_words_.empty()) candidate.voice->cancel();
  if (last_words_.empty() && heard_) spoke(candidate);
  last_words_.clear();
  speaker_ = nullptr;
}

void FailoverSynthesizer::stop() noexcept {
  cancel();
  for (auto& [language, speaker] : speakers_)
    for (Candidate& candidate : speaker.candidates) candidate.voice->stop();
}

Nanos FailoverSynthesizer::next_deadline() const {
  if (speaker_ == nullptr || !last_words_.empty()) return kNever;
  const Nanos own = speaker_->candidates[speaker_->used].voice->next_deadline();
  if (silent_since_ == 0) return own;
  const Nanos late = heard_ && waits_ ? looked_ + longest_lag(looked_) - lag_ : kNever;
  return std::min({own, silent_since_ + silence_, late});
}

std::string FailoverSynthesizer::name() const {
  std::string names;
  for (const auto& [language, speaker] : speakers_) {
    if (!names.empty()) names += ", ";
    const bool well = std::any_of(speaker.candidates.begin(), speaker.candidates.end(),
                                  [](const Candidate& one) { return !one.back_off.failed(); });
    names += language + ": " + (well ? speaker.candidates[speaker.used].voice->name() : "none");
    if (speaker.used > 0) names += "!";
  }
  return names;
}

}  // namespace prot::tts
