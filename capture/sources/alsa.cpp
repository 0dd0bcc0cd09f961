#include <optional>

#include "audio/alsa_pcm.hpp"
#include "sources.hpp"

namespace prot::capture {
namespace {

class AlsaSource final : public PcmSource {
 public:
  AlsaSource(const std::string& device, const SourceOptions& options) {
    if (!device.empty()) options_.device = device;
    options_.format = {.rate = options.rate, .channels = 1};
  }

  void start() override { device_.emplace(options_); }
  bool read(std::span<std::int16_t> samples) override {
    device_->read(samples);
    return true;
  }
  Nanos latency() override { return device_->latency(); }
  std::string name() const override { return "alsa:" + options_.device; }

 private:
  audio::AlsaOptions options_;
  std::optional<audio::AlsaCapture> device_;
};

}  // namespace

std::unique_ptr<PcmSource> make_alsa_source(const std::string& device, const SourceOptions& options) {
  return std::make_unique<AlsaSource>(device, options);
}

}  // namespace prot::capture
