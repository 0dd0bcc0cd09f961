#include <optional>

#include "audio/pulse_stream.hpp"
#include "sources.hpp"

namespace prot::capture {
namespace {

class PulseSource final : public PcmSource {
 public:
  PulseSource(const std::string& device, const SourceOptions& options) {
    options_.server = options.pulse_server;
    options_.device = device;
    options_.client = "prot-capture";
    options_.stream = "microphone";
    options_.format = {.rate = options.rate, .channels = 1};
  }

  void start() override { stream_.emplace(options_); }
  bool read(std::span<std::int16_t> samples) override {
    stream_->read(samples);
    return true;
  }
  Nanos latency() override { return stream_->latency(); }
  std::string name() const override { return options_.device.empty() ? "pulse" : "pulse:" + options_.device; }

 private:
  audio::PulseOptions options_;
  std::optional<audio::PulseRecord> stream_;
};

}  // namespace

std::unique_ptr<PcmSource> make_pulse_source(const std::string& device, const SourceOptions& options) {
  return std::make_unique<PulseSource>(device, options);
}

}  // namespace prot::capture
