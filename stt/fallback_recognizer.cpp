#include "fallback_recognizer.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace prot::stt {
namespace {

constexpr Nanos kQuiet = kSecond;  // behind the last sound, before a probe

// What a probe says: loud enough to be sent, too soft to be words.
std::vector<std::int16_t> soft_noise() {
  constexpr std::size_t kSamples = 8'000;
  std::vector<std::int16_t> noise(kSamples);
  std::uint32_t state = 1;
  for (std::int16_t& sample : noise) {
    state = state * 1'664'525U + 1'013'904'223U;
    sample = static_cast<std::int16_t>(static_cast<int>(state >> 24U) - 128);
  }
  return noise;
}

}  // namespace

FallbackRecognizer::FallbackRecognizer(std::vector<std::unique_ptr<SpeechRecognizer>> engines,
                                       FallbackSettings settings, const Clock& clock)
    : settings_(settings), clock_(clock) {
  for (std::unique_ptr<SpeechRecognizer>& engine : engines)
    members_.push_back({std::move(engine), {settings.first_probe, settings.longest_probe}});
  show();
}

// The first living one that did not have the utterance, else the first dead one; members_.size(): none is
// left.
std::size_t FallbackRecognizer::next() const noexcept {
  for (const bool dead : {false, true})
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].back_off.failed() == dead && (asked_ & (1U << i)) == 0) return i;
  return members_.size();
}

void FallbackRecognizer::begin() {
  used_at_ = clock_.now();
  audio_.clear();
  answers_.clear();
  asked_ = 0;
  const std::size_t first = next();
  // What another one still works on is of no use to anybody.
  if (std::exchange(wanted_, Wanted::kNothing) != Wanted::kNothing && first != at_) at_work().engine->begin();
  use(first);
}

void FallbackRecognizer::use(std::size_t member) {
  at_ = member;
  asked_ |= 1U << member;
  retried_ = false;
  if (at_work().probe_until != 0) break_probe(at_work(), clock_.now());
  at_work().engine->begin();
  if (!audio_.empty()) at_work().engine->push(audio_);
}

// The one at work is the one that was probed, for no other is left: what is said comes first.
void FallbackRecognizer::take_back() {
  used_at_ = clock_.now();
  if (at_work().probe_until == 0) return;
  break_probe(at_work(), used_at_);
  at_work().engine->begin();  // drops what is left of it
  if (!audio_.empty()) at_work().engine->push(audio_);
}

void FallbackRecognizer::push(std::span<const std::int16_t> samples) {
  take_back();
  audio_.insert(audio_.end(), samples.begin(), samples.end());
  at_work().engine->push(samples);
}

bool FallbackRecognizer::guess() {
  take_back();
  if (!at_work().engine->guess()) return false;
  wanted_ = Wanted::kGuess;
  asked_at_ = used_at_;
  return true;
}

void FallbackRecognizer::retract() {
  take_back();
  wanted_ = Wanted::kNothing;
  answers_.clear();
  at_work().engine->retract();
}

void FallbackRecognizer::finish() {
  take_back();
  ask(Wanted::kFinal, used_at_);
}

void FallbackRecognizer::ask(Wanted what, Nanos now) {
  wanted_ = what;
  asked_at_ = now;
  if (what == Wanted::kFinal) return at_work().engine->finish();
  if (at_work().engine->guess()) return;
  // This one does not guess: the end asks it.
  wanted_ = Wanted::kNothing;
  Recognition none;
  none.failure = FailureClass::kRetry;
  none.text = std::string(at_work().engine->name()) + " does not guess";
  answers_.push_back(std::move(none));
}

void FallbackRecognizer::set_busy(bool busy) noexcept {
  for (Member& member : members_) member.engine->set_busy(busy);
}

void FallbackRecognizer::expect(const std::vector<std::string>& names) {
  for (Member& member : members_) member.engine->expect(names);
}

std::optional<Recognition> FallbackRecognizer::poll() {
  const Nanos now = clock_.now();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    while (std::optional<Recognition> answer = members_[i].engine->poll()) {
      if (members_[i].probe_until != 0) {
        if (!answer->partial) on_probe(members_[i], answer->failure == FailureClass::kNone, now);
      } else if (i == at_) {
        on_answer(std::move(*answer), now);
      }
    }
  }
  look_at_time(now);
  show();
  if (answers_.empty()) return std::nullopt;
  Recognition answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

void FallbackRecognizer::on_answer(Recognition answer, Nanos now) {
  if (!answer.partial && wanted_ == Wanted::kNothing) return;  // nobody asked
  if (answer.failure != FailureClass::kNone) return on_failure(std::move(answer), now);
  if (!answer.partial) {
    if (at_work().back_off.failed()) log_info("the recogniser {} works again", at_work().engine->name());
    at_work().back_off.answer();
    wanted_ = Wanted::kNothing;
    used_at_ = now;
  }
  answers_.push_back(std::move(answer));
}

void FallbackRecognizer::on_failure(Recognition answer, Nanos now) {
  const std::size_t other = next();
  const bool last = other == members_.size();
  const bool soon = answer.retry_after == 0 && now - asked_at_ < settings_.patience / 2;
  if (!last && answer.failure == FailureClass::kRetry && soon && !std::exchange(retried_, true)) {
    log_warn("{}; trying once more", answer.text);
    return ask(wanted_, asked_at_);
  }
  failed(at_, answer.failure, answer.text, now);
  const Wanted what = std::exchange(wanted_, Wanted::kNothing);
  used_at_ = now;
  if (last) return answers_.push_back(std::move(answer));
  at_work().engine->begin();  // drops what is left of it
  use(other);
  log_warn("the recogniser {} goes on", at_work().engine->name());
  ask(what, now);
}

void FallbackRecognizer::look_at_time(Nanos now) {
  if (wanted_ != Wanted::kNothing && now - asked_at_ >= settings_.patience && next() < members_.size()) {
    Recognition silent;
    silent.failure = FailureClass::kRetry;
    silent.text = std::string(at_work().engine->name()) + ": no words for " +
                  std::to_string(settings_.patience / kMillisecond) + " ms";
    on_failure(std::move(silent), now);
  }
  for (Member& member : members_) {
    if (member.probe_until != 0 && now >= member.probe_until) on_probe(member, false, now);
    if (member.probe_until != 0 || now < member.back_off.due() || now < quiet_at()) continue;
    member.probe_until = now + settings_.probe_patience;
    member.engine->begin();
    member.engine->push(soft_noise());
    member.engine->finish();
  }
}

// From when on a probe is in nobody's way.
Nanos FallbackRecognizer::quiet_at() const noexcept {
  return wanted_ == Wanted::kNothing ? used_at_ + kQuiet : kNever;
}

void FallbackRecognizer::on_probe(Member& member, bool answered, Nanos now) {
  member.probe_until = 0;
  member.engine->begin();  // drops what is left of it
  if (!answered) return member.back_off.fail_probe(now);
  if (member.back_off.failed()) log_info("the recogniser {} answers again", member.engine->name());
  member.back_off.answer_probe();
}

// Nothing is in the way of what is said.
void FallbackRecognizer::break_probe(Member& member, Nanos now) {
  member.probe_until = 0;
  member.back_off.put_off(now + member.back_off.pause());
}

Nanos FallbackRecognizer::next_deadline() const {
  Nanos next_look =
      wanted_ == Wanted::kNothing || next() == members_.size() ? kNever : asked_at_ + settings_.patience;
  for (const Member& member : members_) {
    next_look = std::min(next_look, member.engine->next_deadline());
    if (member.probe_until != 0)
      next_look = std::min(next_look, member.probe_until);
    else if (member.back_off.failed())
      next_look = std::min(next_look, std::max(member.back_off.due(), quiet_at()));
  }
  return next_look;
}

// A key that is refused, or a plan that is used up, stays so for a while.
void FallbackRecognizer::failed(std::size_t index, FailureClass failure, const std::string& why, Nanos now) {
  Member& member = members_[index];
  log_warn("the recogniser {} failed: {}", member.engine->name(), why);
  member.back_off.fail(now, failure == FailureClass::kAuth || failure == FailureClass::kQuota);
}

void FallbackRecognizer::show() {
  std::size_t in_use = 0;
  while (in_use < members_.size() && members_[in_use].back_off.failed()) ++in_use;
  if (in_use == members_.size()) in_use = 0;
  shown_ = std::string(members_[in_use].engine->name()) + (in_use == 0 ? "" : " (fallback)");
}

}  // namespace prot::stt
