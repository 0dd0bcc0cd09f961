#include "barge_in.hpp"

#include <algorithm>

namespace prot::brain {
namespace {

constexpr std::uint32_t kAdopted = ~std::uint32_t{0};  // the utterance of a predecessor's hold
constexpr Nanos kLongest = 60 * kSecond;               // no utterance is longer: its end was lost
constexpr Nanos kAfterProof = kSecond;                 // a brain that is alive has cancelled by then
constexpr Nanos kMargin = 100 * kMillisecond;          // before a hold ends by itself and the player goes on

}  // namespace

Nanos BargeIn::allowed_from(Nanos began, const ReplyView& reply) const noexcept {
  if (!settings_.enabled || !reply.under_way) return kNever;
  if (reply.audible_at == 0 || began < reply.audible_at) return 0;
  return settings_.separable ? reply.audible_at + settings_.grace : kNever;
}

BargeAction BargeIn::on_hearing(std::uint32_t utterance, const wire::Hearing& hearing, const ReplyView& reply,
                                Nanos now) noexcept {
  Speech* known = find(utterance);
  switch (hearing.what) {
    case wire::Heard::kStarted:
      if (known == nullptr) begin(utterance, hearing.at_ns, now);
      break;
    case wire::Heard::kConfirmed: {
      Speech& speech = known != nullptr ? *known : begin(utterance, hearing.at_ns, now);
      go_on(speech, hearing.at_ns, now);
      speech.confirmed = true;
      break;
    }
    case wire::Heard::kPaused:
    case wire::Heard::kEnded:
      if (known != nullptr) stop_running(*known, hearing.at_ns);
      break;
    case wire::Heard::kDiscarded:
      forget(known);
      break;
  }
  return judge(reply, now);
}

BargeAction BargeIn::on_words(std::uint32_t utterance, Words words, bool final, Nanos speech_start,
                              const ReplyView& reply, Nanos now) noexcept {
  Speech* known = find(utterance);
  const Nanos began = speech_start != 0 || known == nullptr ? speech_start : known->began;
  const bool proof = words == Words::kContent || words == Words::kStop;
  if (final) {
    forget(known);
  } else if (known != nullptr && known->running_since == 0 && !proof) {
    known->dismissed = true;  // what follows in this utterance is judged anew
    known->said = 0;
  }
  if (!proof || !allowed(began, reply, now)) return judge(reply, now);
  hold_until_ = 0;
  return BargeAction::kCancel;
}

BargeAction BargeIn::on_gap(const ReplyView& reply, Nanos now) noexcept {
  stop_running(newest_, std::min(newest_.sign, now));
  return judge(reply, now);
}

void BargeIn::adopt(Nanos hold_until, Nanos now) noexcept {
  newest_ = {};
  newest_.utterance = kAdopted;
  newest_.silent_since = std::min(hold_until - settings_.hold, now);
  hold_until_ = hold_until;
}

BargeIn::Speech* BargeIn::find(std::uint32_t utterance) noexcept {
  if (utterance == 0) return nullptr;
  if (newest_.utterance == utterance) return &newest_;
  return earlier_.utterance == utterance ? &earlier_ : nullptr;
}

void BargeIn::forget(Speech* speech) noexcept {
  if (speech != nullptr) *speech = {};
  if (newest_.utterance == kAdopted) newest_ = {};
}

BargeIn::Speech& BargeIn::begin(std::uint32_t utterance, Nanos at, Nanos now) noexcept {
  stop_running(newest_, at);  // its end was lost
  if (newest_.utterance != 0 && newest_.utterance != kAdopted) earlier_ = newest_;
  newest_ = {};
  newest_.utterance = utterance;
  newest_.began = newest_.running_since = std::max<Nanos>(at, 1);
  newest_.sign = now;
  return newest_;
}

void BargeIn::stop_running(Speech& speech, Nanos at) noexcept {
  if (speech.running_since == 0) return;
  speech.said += std::max<Nanos>(at - speech.running_since, 0);
  speech.running_since = 0;
  speech.silent_since = at;
}

void BargeIn::go_on(Speech& speech, Nanos at, Nanos now) noexcept {
  speech.sign = now;
  speech.dismissed = false;
  if (speech.running_since == 0) speech.running_since = std::max<Nanos>(at, 1);
}

// When it is an interruption whatever was said. The words tell better: as long as they may still come, speech
// only holds. How long it goes on is sure `notice` later: silence is known only then.
Nanos BargeIn::proven_at(const Speech& speech) const noexcept {
  if (!speech.confirmed || speech.dismissed) return kNever;
  if (speech.running_since == 0)
    return speech.said >= settings_.sustained ? speech.silent_since + settings_.hold - kMargin : kNever;
  const Nanos longest = std::max(settings_.hold, settings_.sustained);
  return speech.running_since + std::max<Nanos>(longest - speech.said, 0) + settings_.notice;
}

Nanos BargeIn::hold_end(const Speech& speech) const noexcept {
  if (speech.utterance == 0 || speech.dismissed) return 0;
  if (speech.running_since == 0) return speech.silent_since + settings_.hold;
  const Nanos proof = proven_at(speech);
  return std::max(speech.sign + settings_.hold, proof == kNever ? 0 : proof + kAfterProof);
}

void BargeIn::expire(Speech& speech, Nanos now) const noexcept {
  const bool goes_on = speech.running_since != 0 && speech.confirmed;
  if (now >= (goes_on ? speech.running_since + kLongest : hold_end(speech))) speech.dismissed = true;
}

BargeAction BargeIn::judge(const ReplyView& reply, Nanos now) noexcept {
  Nanos until = 0;
  for (Speech* speech : {&newest_, &earlier_}) {
    const bool counts = allowed(speech->began, reply, now);
    if (counts && proven_at(*speech) <= now) {
      hold_until_ = 0;
      return BargeAction::kCancel;
    }
    expire(*speech, now);
    if (counts) until = std::max(until, hold_end(*speech));
  }
  if (until == hold_until_) return BargeAction::kNone;
  hold_until_ = until;
  return until != 0 ? BargeAction::kHold : BargeAction::kRelease;
}

Nanos BargeIn::deadline(const ReplyView& reply) const noexcept {
  Nanos deadline = hold_until_ != 0 ? hold_until_ : kNever;
  for (const Speech* speech : {&newest_, &earlier_}) {
    const Nanos from = allowed_from(speech->began, reply);
    if (speech->utterance == 0 || speech->dismissed || from == kNever) continue;
    if (from > 0 && hold_until_ == 0) deadline = std::min(deadline, from);
    if (proven_at(*speech) != kNever) deadline = std::min(deadline, std::max(from, proven_at(*speech)));
  }
  return deadline;
}

}  // namespace prot::brain
