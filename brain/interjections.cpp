#include "interjections.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kEcho = 2 * kSecond;  // "stop" so soon after a reply is about that reply

}  // namespace

bool question_was_heard(const TurnRecord& record) {
  if (!record.ended || record.segments.empty()) return false;
  const SpokenSegment& last = record.segments.back();
  if (!is_question(last.text) || last.heard_bytes == 0) return false;
  const std::string_view rest = std::string_view(last.text).substr(last.heard_bytes);
  const auto word = rest.find_first_not_of(' ');
  return word == std::string_view::npos || rest.find(' ', word) == std::string_view::npos;
}

Words Interjections::judge(std::string_view text, const TurnRecord* speaking) const {
  const Words words = lists_.judge(text);
  const bool answers = words == Words::kBackchannel && speaking != nullptr && question_was_heard(*speaking);
  return answers ? Words::kContent : words;
}

bool Interjections::is_turn(std::uint32_t utterance, Words words, Nanos speech_start) const noexcept {
  switch (words) {
    case Words::kContent:
      return true;
    case Words::kNone:
      return !has_stopped(utterance);
    case Words::kStop:
      return utterance != canceller_ && !has_stopped(utterance) &&
             (over_ == 0 || speech_start >= over_ + kEcho);
    case Words::kBackchannel:
      return utterance == canceller_ ? !has_stopped(utterance) : asked_ || speech_start >= over_;
  }
  return true;
}

void Interjections::cancelled(std::uint32_t utterance, bool silenced) noexcept {
  canceller_ = utterance;
  stopped_ = silenced ? utterance : 0;
}

void Interjections::reply_over(const TurnRecord& record, Nanos now) {
  over_ = now;
  asked_ = !record.waterfall.interrupted && question_was_heard(record);
}

}  // namespace prot::brain
