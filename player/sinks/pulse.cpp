#include <optional>
#include <utility>

#include "audio/pulse_playback.hpp"
#include "sinks.hpp"

namespace prot::player {
namespace {

class PulseSink final : public PcmSink {
 public:
  PulseSink(const std::string& device, const SinkOptions& options) {
    options_.server = options.pulse_server;
    options_.device = device;
    options_.client = "prot-player";
    options_.stream = "voice";
    options_.format = {.rate = options.rate, .channels = 1};
    options_.latency_ms = options.latency_ms;
  }

  void start() override { stream_.emplace(options_); }
  void write(std::span<const std::int16_t> samples) override { stream_->write(samples); }
  Nanos latency() override { return stream_->latency(); }
  bool ran_dry() override {
    const std::uint64_t seen = stream_->underruns();
    return std::exchange(underruns_seen_, seen) != seen;
  }
  void drain() override { stream_->drain(); }
  void flush() override { stream_->flush(); }
  unsigned rate() const noexcept override { return options_.format.rate; }
  std::string name() const override { return options_.device.empty() ? "pulse" : "pulse:" + options_.device; }

 private:
  audio::PulseOptions options_;
  std::optional<audio::PulsePlayback> stream_;
  std::uint64_t underruns_seen_ = 0;
};

}  // namespace

std::unique_ptr<PcmSink> make_pulse_sink(const std::string& device, const SinkOptions& options) {
  return std::make_unique<PulseSink>(device, options);
}

}  // namespace prot::player
