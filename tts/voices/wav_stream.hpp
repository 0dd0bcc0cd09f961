#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace prot::tts {

/// The head of a WAV file that comes piece by piece, and whose sizes are not to be trusted: who streams does
/// not know them. Not thread-safe.
class WavHead {
 public:
  struct Format {
    std::int64_t rate = 0;
    std::int64_t channels = 0;
    std::int64_t bits = 0;
  };

  /// Takes bytes until the samples begin; then returns those that are samples already. Nothing: more is
  /// needed. Throws Error when it is no WAV file of plain samples.
  [[nodiscard]] std::optional<std::string> push(std::string_view bytes);
  /// REQUIRES: push() has returned something.
  [[nodiscard]] const Format& format() const noexcept { return format_; }

 private:
  std::string head_;
  std::size_t at_ = 12;  // of head_: the next chunk
  Format format_;
};

}  // namespace prot::tts
