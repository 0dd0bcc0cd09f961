#include <optional>
#include <utility>

#include "audio/alsa_pcm.hpp"
#include "sinks.hpp"

namespace prot::player {
namespace {

class AlsaSink final : public PcmSink {
 public:
  AlsaSink(const std::string& device, const SinkOptions& options) {
    if (!device.empty()) options_.device = device;
    options_.format = {.rate = options.rate, .channels = 1};
    options_.buffer_ms = options.latency_ms;
  }

  void start() override { device_.emplace(options_); }
  void write(std::span<const std::int16_t> samples) override { device_->write(samples); }
  Nanos latency() override { return device_->latency(); }
  bool ran_dry() override {
    const unsigned seen = device_->underruns();
    return std::exchange(underruns_seen_, seen) != seen;
  }
  void drain() override { device_->drain(); }
  void flush() override { device_->flush(); }
  unsigned rate() const noexcept override { return options_.format.rate; }
  std::string name() const override { return "alsa:" + options_.device; }

 private:
  audio::AlsaOptions options_;
  std::optional<audio::AlsaPlayback> device_;
  unsigned underruns_seen_ = 0;
};

}  // namespace

std::unique_ptr<PcmSink> make_alsa_sink(const std::string& device, const SinkOptions& options) {
  return std::make_unique<AlsaSink>(device, options);
}

}  // namespace prot::player
