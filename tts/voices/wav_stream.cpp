#include "voices/wav_stream.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"

namespace prot::tts {
namespace {

constexpr std::size_t kLongestHead = 64U << 10U;

std::int64_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

}  // namespace

std::optional<std::string> WavHead::push(std::string_view bytes) {
  head_ += bytes;
  const std::string_view seen(head_);
  const std::string_view riff = seen.substr(0, 4);
  if (riff != std::string_view("RIFF").substr(0, riff.size())) throw Error("no WAV file");
  if (head_.size() >= 12 && seen.substr(8, 4) != "WAVE") throw Error("no WAV file");
  while (head_.size() >= at_ + 8) {
    const auto size = static_cast<std::uint64_t>(number_at(head_, at_ + 4, 4));
    if (seen.substr(at_, 4) == "data") {
      if (format_.rate == 0) throw Error("a WAV file without a format");
      return head_.substr(at_ + 8);
    }
    if (at_ + 8 + size > kLongestHead) throw Error("a WAV file whose samples do not begin");
    if (head_.size() < at_ + 8 + size) return std::nullopt;
    if (seen.substr(at_, 4) == "fmt " && size >= 16) {
      const std::int64_t coding = number_at(head_, at_ + 8, 2);
      if (coding != 1 && coding != 0xFFFE) throw Error("a WAV file of no plain samples");
      format_ = {number_at(head_, at_ + 12, 4), number_at(head_, at_ + 10, 2), number_at(head_, at_ + 22, 2)};
    }
    at_ += 8 + size + size % 2;
  }
  return std::nullopt;
}

}  // namespace prot::tts
