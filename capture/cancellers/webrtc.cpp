#include <webrtc/modules/audio_processing/include/audio_processing.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.hpp"
#include "base/log.hpp"
#include "cancellers/backends.hpp"

namespace prot::capture {
namespace {

constexpr float kFullScale = 32768.0F;
// What each part of the module lags behind, measured (a test does it again).
constexpr std::size_t kCancellerDelay = 112;
constexpr std::size_t kSuppressionDelay = 96;

void to_float(std::span<const std::int16_t, kEchoBlock> in, std::array<float, kEchoBlock>& out) noexcept {
  std::transform(in.begin(), in.end(), out.begin(),
                 [](std::int16_t sample) { return static_cast<float>(sample) / kFullScale; });
}

/// Debian's WebRTC audio processing: echo canceller with its delay estimator, high-pass filter, noise
/// suppression. Allocates nothing once it is made.
class WebRtcCanceller final : public EchoCanceller {
 public:
  explicit WebRtcCanceller(const WebRtcOptions& options)
      : delay_ms_(options.delay_ms),
        delay_(kCancellerDelay + (options.noise < 0 ? 0 : kSuppressionDelay)),
        stream_(static_cast<int>(wire::kMicRate), 1) {
    webrtc::Config config;  // takes what it is given
    config.Set(std::make_unique<webrtc::ExtendedFilter>(options.extended).release());
    config.Set(std::make_unique<webrtc::DelayAgnostic>(options.delay_agnostic).release());
    config.Set(std::make_unique<webrtc::ExperimentalAgc>(false).release());
    module_.reset(webrtc::AudioProcessing::Create(config));
    if (!module_) throw Error("the echo canceller cannot be made");
    using webrtc::EchoCancellation;
    using webrtc::NoiseSuppression;
    const auto set = [](int code) {
      if (code != webrtc::AudioProcessing::kNoError)
        throw Error("the echo canceller refuses its options (" + std::to_string(code) + ")");
    };
    set(module_->Initialize({{stream_, stream_, stream_, stream_}}));
    EchoCancellation& echo = *module_->echo_cancellation();
    set(echo.enable_drift_compensation(false));
    set(echo.set_suppression_level(static_cast<EchoCancellation::SuppressionLevel>(options.suppression)));
    set(echo.Enable(true));
    set(module_->high_pass_filter()->Enable(options.high_pass));
    if (options.noise < 0) return;
    set(module_->noise_suppression()->set_level(static_cast<NoiseSuppression::Level>(options.noise)));
    set(module_->noise_suppression()->Enable(true));
  }

  void process(std::span<std::int16_t, kEchoBlock> near,
               std::span<const std::int16_t, kEchoBlock> far) noexcept override {
    to_float(far, far_);
    to_float(near, near_);
    float* channel = far_.data();
    int code = module_->ProcessReverseStream(&channel, stream_, stream_, &channel);
    if (code == webrtc::AudioProcessing::kNoError) code = module_->set_stream_delay_ms(delay_ms_);
    channel = near_.data();
    if (code == webrtc::AudioProcessing::kNoError)
      code = module_->ProcessStream(&channel, stream_, stream_, &channel);
    if (code != webrtc::AudioProcessing::kNoError) {
      if (!failed_) log_error("the echo canceller fails ({}); the microphone is taken as it is", code);
      failed_ = true;
      return;
    }
    std::transform(near_.begin(), near_.end(), near.begin(), [](float sample) {
      return static_cast<std::int16_t>(std::lround(std::clamp(sample * kFullScale, -32768.0F, 32767.0F)));
    });
  }
  void reset() noexcept override {
    if (module_->Initialize() != webrtc::AudioProcessing::kNoError)
      log_error("the echo canceller does not forget");
  }
  std::size_t delay() const noexcept override { return delay_; }
  std::string_view name() const noexcept override { return "webrtc"; }

 private:
  const int delay_ms_;
  const std::size_t delay_;
  const webrtc::StreamConfig stream_;
  std::unique_ptr<webrtc::AudioProcessing> module_;
  std::array<float, kEchoBlock> near_{};
  std::array<float, kEchoBlock> far_{};
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<EchoCanceller> make_webrtc_canceller(const WebRtcOptions& options) {
  return std::make_unique<WebRtcCanceller>(options);
}

}  // namespace prot::capture
