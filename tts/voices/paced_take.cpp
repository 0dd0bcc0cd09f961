#include "voices/paced_take.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/copy_bytes.hpp"
#include "clauses.hpp"

namespace prot::tts {
namespace {

constexpr double kShare = 0.3;  // of the newest segment in what was learned
constexpr double kSlowest = 0.2;
constexpr double kFastest = 0.015;

static_assert(std::endian::native == std::endian::little);  // samples as they are

// As if so much more were said.
double pause_behind(std::string_view word) noexcept {
  if (word.empty()) return 0;
  if (is_sentence_mark(word.back())) return 5;
  return std::string_view(",;:").find(word.back()) == std::string_view::npos ? 0 : 3;
}

std::vector<std::int16_t> mono(std::string_view bytes, unsigned channels) {
  std::vector<std::int16_t> all(bytes.size() / 2);
  copy_bytes(all.data(), bytes.data(), all.size() * 2);
  if (channels == 1) return all;
  std::vector<std::int16_t> mixed(all.size() / 2);
  for (std::size_t i = 0; i < mixed.size(); ++i)
    mixed[i] = static_cast<std::int16_t>((all[2 * i] + all[2 * i + 1]) / 2);
  return mixed;
}

}  // namespace

// A text of one word says little: its pause is longer than itself.
void Pace::learn(double weight, double seconds) noexcept {
  constexpr double kLeastWeight = 20;
  if (weight < kLeastWeight) return;
  const double seen = std::clamp(seconds / weight, kFastest, kSlowest);
  seconds_ += kShare * (seen - seconds_);
}

PacedTake::PacedTake(const std::string& text, Nanos began, Pace& pace)
    : pace_(&pace), began_(began), text_bytes_(static_cast<std::uint32_t>(text.size())) {
  for (const Word& word : split_words(text)) {
    words_.push_back(
        {static_cast<std::uint32_t>(word.end_byte), letter_weight(word.text), pause_behind(word.text)});
    all_ += words_.back().weight + words_.back().pause;
  }
  if (!words_.empty()) all_ -= words_.back().pause;  // the sound may end with it, or without
}

bool PacedTake::set_format(std::int64_t rate, std::int64_t channels) {
  constexpr std::int64_t kLowest = 8'000;
  constexpr std::int64_t kHighest = 96'000;
  if (rate < kLowest || rate > kHighest || (channels != 1 && channels != 2)) return false;
  rate_ = static_cast<unsigned>(rate);
  channels_ = static_cast<unsigned>(channels);
  return true;
}

Piece PacedTake::piece(Piece::Kind kind) const {
  Piece piece;
  piece.kind = kind;
  piece.rate = rate_;
  piece.began_ns = began_;
  piece.first_audio_ns = first_audio_;
  return piece;
}

void PacedTake::take(std::string_view bytes, Nanos at, std::deque<Piece>& out) {
  const std::string all = std::exchange(rest_, {}).append(bytes);
  const std::size_t whole = all.size() - all.size() % (2 * channels_);
  rest_ = all.substr(whole);
  std::vector<std::int16_t> samples = mono(std::string_view(all).substr(0, whole), channels_);
  if (samples.empty()) return;
  if (first_audio_ == 0) first_audio_ = at;
  if (std::vector<wire::AlignPoint> points = align(samples_ + samples.size()); !points.empty()) {
    Piece made = piece(Piece::Kind::kAlignment);
    made.alignment = std::move(points);
    out.push_back(std::move(made));
  }
  samples_ += samples.size();
  Piece made = piece(Piece::Kind::kSamples);
  made.samples = std::move(samples);
  out.push_back(std::move(made));
}

// The words but for the last one that end before the sample `until`.
std::vector<wire::AlignPoint> PacedTake::align(std::uint64_t until) {
  std::vector<wire::AlignPoint> points;
  while (next_ + 1 < words_.size()) {
    const double end = (weight_ + words_[next_].weight) * pace_->seconds() * rate_;
    if (end > static_cast<double>(until)) break;
    const auto sample = static_cast<std::uint32_t>(std::llround(end));
    points.push_back({words_[next_].end_byte, sample});
    weight_ += words_[next_].weight + words_[next_].pause;
    ++next_;
  }
  return points;
}

void PacedTake::finish(std::deque<Piece>& out) {
  if (rate_ != 0) pace_->learn(all_, static_cast<double>(samples_) / rate_);
  if (samples_ > 0) {
    Piece made = piece(Piece::Kind::kAlignment);
    made.alignment = {{text_bytes_, static_cast<std::uint32_t>(samples_)}};
    out.push_back(std::move(made));
  }
  out.push_back(piece(Piece::Kind::kDone));
}

}  // namespace prot::tts
