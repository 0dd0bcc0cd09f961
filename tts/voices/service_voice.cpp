#include "voices/service_voice.hpp"

#include <utility>

#include "base/log.hpp"

namespace prot::tts {
namespace {
constexpr Nanos kLongestRetryAfter = 500 * kMillisecond;  // a person waits
}

ServiceVoice::ServiceVoice(std::string_view name, const Clock* clock)
    : name_(name), clock_(clock != nullptr ? clock : &steady_) {}

void ServiceVoice::begin(const SpeechRequest& request) {
  request_ = request;
  pieces_.clear();
  began_ = now();
  ask_at_ = kNever;
  speaking_ = true;
  again_ = false;
  ask();
}

bool ServiceVoice::poll(Piece& piece) {
  const bool held = !pieces_.empty();
  if (!held) receive();
  look_at_time(now(), held);
  if (now() >= ask_at_) {
    ask_at_ = kNever;
    ask();
  }
  if (pieces_.empty()) return false;
  piece = std::move(pieces_.front());
  pieces_.pop_front();
  return true;
}

void ServiceVoice::cancel() noexcept {
  if (std::exchange(speaking_, false)) give_up();
  ask_at_ = kNever;
  pieces_.clear();
}

void ServiceVoice::fail(VoiceError error, const std::string& why, Nanos retry_after) {
  hang_up();
  if (error == VoiceError::kRetry && retry_after <= kLongestRetryAfter && may_ask_again()) {
    log_warn("{}; asking again", why);
    again_ = true;
    ask_at_ = now() + retry_after;
    return;
  }
  Piece failed = piece(Piece::Kind::kFailed);
  failed.error = error == VoiceError::kRetry ? VoiceError::kUnavailable : error;
  failed.message = name() + ": " + why;
  pieces_.push_back(std::move(failed));
  speaking_ = false;
}

}  // namespace prot::tts
