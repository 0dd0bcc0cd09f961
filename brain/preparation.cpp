#include "preparation.hpp"

#include <algorithm>

namespace prot::brain {
namespace {

constexpr Nanos kSamePlace = 16 * kMillisecond;  // by two readings of the sample clock; a window is longer

}  // namespace

void Preparation::begin(Nanos now) {
  reset();
  paused_ = false;
  warm_up({}, now);
}

void Preparation::paused(Nanos speech_end) {
  paused_ = true;
  const Nanos apart = std::max(speech_end, words_end_) - std::min(speech_end, words_end_);
  if (!recall_words_.empty() && apart < kSamePlace && !parts_.preemptive.asked()) warm_up_due_ = true;
}

void Preparation::resumed() {
  paused_ = false;
  parts_.preemptive.cancel();  // it would compute beside the recogniser, for nothing
}

void Preparation::on_partial(const std::string& words, Nanos speech_end, Nanos now) {
  words_end_ = speech_end;
  // The same words at the next pause: what was asked on them ended when the person seemed to speak on.
  if (words == recall_words_ && (!paused_ || parts_.preemptive.asked())) return;
  if (words != recall_words_) ask_memory(words, now);
  recall_words_ = words;
  warm_up_due_ = true;
}

void Preparation::on_final(const std::string& words, Nanos now) {
  warm_up_due_ = false;
  if (words == recall_words_) return;
  ask_memory(words, now);
}

void Preparation::ask_memory(const std::string& words, Nanos now) {
  recall_ = parts_.memory.request(parts_.journal.conversation(), words, Lane::kVoice);
  if (first_recall_ == 0) first_recall_ = recall_;
  recall_until_ = now + recall_wait_;
}

void Preparation::await_history(Nanos until) {
  awaiting_history_ = true;
  recall_until_ = until;
}

bool Preparation::complete(Nanos now) const {
  return now >= recall_until_ || (!awaiting_history_ && parts_.memory.answered(Lane::kVoice, recall_));
}

bool Preparation::guess(Nanos now) {
  if (!paused_) return false;
  Request request = parts_.prompt.prefill(conversation(), context(true), recall_words_, Lane::kVoice);
  request.prefill = false;
  if (!parts_.preemptive.may_try(request)) return false;
  parts_.prefill.give_way(request);
  parts_.preemptive.propose(request, now);
  return true;
}

void Preparation::warm_up(std::string_view words, Nanos now) {
  // What memory says to the last question is no guess at this one: its block comes with the first words.
  const std::string dynamic = context(!words.empty());
  parts_.prefill.want(parts_.prompt.prefill(conversation(), dynamic, words, Lane::kVoice), now);
}

std::string Preparation::context(bool with_memory) {
  if (context_wall_ == 0) context_wall_ = wall_now();
  // An answer to the first of these words is better than none.
  const bool fits = with_memory && first_recall_ != 0 && parts_.memory.answered(Lane::kVoice, first_recall_);
  return parts_.prompt.context(context_wall_, fits ? parts_.memory.block(Lane::kVoice).text : "",
                               conversation().timeline(), Lane::kVoice);
}

void Preparation::reset() {
  parts_.preemptive.begin();
  recall_ = first_recall_ = 0;
  recall_words_.clear();
  words_end_ = 0;
  context_wall_ = 0;
}

void Preparation::tick(bool quiet, Nanos now) {
  if (!warm_up_due_ || (now < recall_until_ && !parts_.memory.answered(Lane::kVoice, recall_))) return;
  warm_up_due_ = false;
  if (quiet && !guess(now)) warm_up(recall_words_, now);
}

Nanos Preparation::next_deadline(bool waiting) const noexcept {
  return waiting || warm_up_due_ ? recall_until_ : kNever;
}

}  // namespace prot::brain
