#include "voices/elevenlabs_take.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/copy_bytes.hpp"
#include "text/normalize.hpp"

namespace prot::tts::elevenlabs {
namespace {

constexpr std::size_t kAhead = 24;  // bytes of the text that the service may have left out
constexpr unsigned kToleranceMs = 40;
constexpr std::string_view kBlanks = " \n\t";

static_assert(std::endian::native == std::endian::little);  // samples as they are

bool is_blank(std::string_view character) {
  return character == " " || character == "\n" || character == "\t";
}

}  // namespace

Take::Take(std::string text, unsigned rate, Times times, Nanos began) noexcept
    : text_(std::move(text)), rate_(rate), times_(times), began_(began) {}

Piece Take::piece(Piece::Kind kind) const {
  Piece piece;
  piece.kind = kind;
  piece.rate = rate_;
  piece.began_ns = began_;
  piece.first_audio_ns = first_audio_;
  return piece;
}

void Take::take(const Chunk& chunk, Nanos at, std::deque<Piece>& out) {
  const std::string bytes = std::exchange(rest_, {}) + chunk.audio;
  std::vector<std::int16_t> samples(bytes.size() / 2);
  copy_bytes(samples.data(), bytes.data(), samples.size() * 2);
  if (bytes.size() % 2 != 0) rest_ = bytes.back();
  if (!samples.empty() && first_audio_ == 0) first_audio_ = at;
  if (std::vector<wire::AlignPoint> points = align(chunk, samples.size()); !points.empty()) {
    Piece made = piece(Piece::Kind::kAlignment);
    made.alignment = std::move(points);
    out.push_back(std::move(made));
  }
  samples_ += samples.size();
  if (samples.empty()) return;
  Piece made = piece(Piece::Kind::kSamples);
  made.samples = std::move(samples);
  out.push_back(std::move(made));
}

std::vector<wire::AlignPoint> Take::align(const Chunk& chunk, std::uint64_t coming) {
  std::vector<wire::AlignPoint> points;
  const std::uint64_t base = times_ == Times::kFromChunk ? samples_ : 0;
  for (const TimedCharacter& character : chunk.characters) {
    const double end_ms = std::min(character.end_ms, 3'600'000.0);
    const std::uint64_t end = base + static_cast<std::uint64_t>(std::llround(end_ms * rate_ / 1000));
    if (!advance(character.text)) {
      if (!is_blank(character.text)) other_end_ = std::max(other_end_, end);
      continue;
    }
    other_end_ = 0;
    end_ = std::max(end_, end);
    last_ = std::max(last_, std::min(end_, samples_ + coming));
    const wire::AlignPoint point{static_cast<std::uint32_t>(byte_), static_cast<std::uint32_t>(last_)};
    points.push_back(point);
  }
  return points;
}

// True: the text has this character here, or soon. What is not in the text at all is left out.
bool Take::advance(std::string_view character) {
  if (character.empty()) return false;
  const std::string_view left = std::string_view(text_).substr(byte_);
  if (left.starts_with(character)) {
    byte_ += character.size();
    return true;
  }
  if (is_blank(character)) return false;
  const std::size_t found = left.substr(0, kAhead + character.size()).find(character);
  if (found == std::string_view::npos) return false;
  byte_ += found + character.size();
  return true;
}

bool Take::complete() const noexcept {
  const std::size_t said = text_.find_last_not_of(kBlanks);
  if (end_ == 0 || (said != std::string::npos && byte_ <= said)) return false;
  return samples_ + rate_ * kToleranceMs / 1000 >= end_;
}

// Marks are not said at all; a last word may come as another one ("5%" as "five percent"). Not more than one:
// the rest of a text that broke off behind such a word is for the next voice.
bool Take::may_be_complete() const {
  if (samples_ == 0) return false;
  if (end_ == 0) return true;
  if (samples_ + rate_ * kToleranceMs / 1000 < std::max(end_, other_end_)) return false;
  std::string_view left = std::string_view(text_).substr(byte_);
  left.remove_prefix(std::min(left.find_first_not_of(kBlanks), left.size()));
  left = left.substr(0, left.find_last_not_of(kBlanks) + 1);
  if (text::words(left).empty()) return true;
  return other_end_ > 0 && left.find_first_of(kBlanks) == std::string_view::npos;
}

void Take::finish(std::deque<Piece>& out) {
  if (byte_ < text_.size() && samples_ > 0) {
    Piece made = piece(Piece::Kind::kAlignment);
    made.alignment = {{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(samples_)}};
    out.push_back(std::move(made));
  }
  out.push_back(piece(Piece::Kind::kDone));
}

}  // namespace prot::tts::elevenlabs
