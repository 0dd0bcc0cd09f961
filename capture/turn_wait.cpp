#include "turn_wait.hpp"

#include <algorithm>
#include <cmath>

namespace prot::capture {
namespace {

constexpr float kWindowMs = 32;

unsigned in_ms(float windows) noexcept { return static_cast<unsigned>(std::lround(windows * kWindowMs)); }
float in_windows(unsigned ms) noexcept { return static_cast<float>(ms) / kWindowMs; }

}  // namespace

// The first guess at a person: half of the usual wait is an average pause, a quarter its deviation.
TurnWait::TurnWait(const TurnWaitSettings& settings) noexcept
    : settings_(settings),
      average_(static_cast<float>(settings.usual) / 2),
      deviation_(static_cast<float>(settings.usual) / 4) {
  settings_.shortest = std::min(settings_.shortest, settings_.usual);
  settings_.longest = std::max(settings_.longest, settings_.usual);
}

void TurnWait::begin(bool asked, bool words) noexcept {
  asked_ = asked;
  words_to_come_ = words;
  probability_.reset();
  words_.reset();
}

void TurnWait::judge(float probability) noexcept { probability_ = probability; }

void TurnWait::read(wire::Ending ending) noexcept { words_ = ending; }

void TurnWait::learn(unsigned pause) noexcept {
  // One endless pause must not outweigh the bound that it cannot pass anyway.
  const float windows = static_cast<float>(std::min(pause, settings_.longest));
  const float error = windows - average_;
  average_ += kRate * error;
  deviation_ += kRate * (std::abs(error) - deviation_);
  has_learned_ = true;
}

float TurnWait::clamped(float windows) const noexcept {
  return std::clamp(windows, static_cast<float>(settings_.shortest), static_cast<float>(settings_.longest));
}

unsigned TurnWait::usual() const noexcept {
  const float deviation = has_learned_ ? std::max(deviation_, kLeastDeviation) : deviation_;
  return static_cast<unsigned>(std::lround(clamped(average_ + 2 * deviation)));
}

unsigned TurnWait::windows() const noexcept {
  const unsigned wait = graded();
  return words_to_come_ && !words_ ? std::max(wait, std::min(kWordsWait, settings_.longest)) : wait;
}

unsigned TurnWait::graded() const noexcept {
  const wire::Ending words = words_.value_or(wire::Ending::kUnknown);
  if (words == wire::Ending::kGoesOn) return settings_.longest;
  if (words == wire::Ending::kComplete)
    return probability_.value_or(1) > kOpen ? settings_.shortest : usual();
  if (!probability_) return asked_ ? std::max(usual(), std::min(kModelWait, settings_.longest)) : usual();
  const auto middle = static_cast<float>(usual());
  const auto longest = static_cast<float>(settings_.longest);
  const float doubt = std::clamp((kEven - *probability_) / (kEven - kOpen), 0.0F, 1.0F);
  return static_cast<unsigned>(std::lround(middle + (longest - middle) * doubt));
}

LearnedPauses TurnWait::learned() const noexcept {
  return has_learned_ ? LearnedPauses{in_ms(average_), in_ms(deviation_)} : LearnedPauses{};
}

void TurnWait::restore(const LearnedPauses& learned) noexcept {
  if (learned.mean_ms == 0) return;
  const auto longest = static_cast<float>(settings_.longest);
  average_ = std::min(in_windows(learned.mean_ms), longest);
  deviation_ = std::min(in_windows(learned.deviation_ms), longest);
  has_learned_ = true;
}

}  // namespace prot::capture
