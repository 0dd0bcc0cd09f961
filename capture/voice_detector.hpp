#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prot::capture {

/// How likely a window of 512 samples at 16 kHz holds speech. Keeps state from window to window.
/// One thread at a time. Must be quick: it runs for every window, in the loop.
class VoiceDetector {
 public:
  virtual ~VoiceDetector() = default;
  /// 0 .. 1. REQUIRES: window.size() == 512.
  [[nodiscard]] virtual float probability(std::span<const std::int16_t> window) noexcept = 0;
  /// A window of digital silence came in place of probability(): nothing speaks in it.
  virtual void silence() noexcept {}
  /// Forgets what was heard.
  virtual void reset() noexcept = 0;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
};

/// Makes a detector: "silero", "energy", or "auto" for the best one that is built in. `model`: the file of
/// those that need one. Throws UsageError for an unknown name; Error (exit code 78) that names a model file
/// which is missing or damaged.
[[nodiscard]] std::unique_ptr<VoiceDetector> make_detector(std::string_view name, const std::string& model);
/// The detectors that are built in.
[[nodiscard]] std::vector<std::string> detector_names();

}  // namespace prot::capture
