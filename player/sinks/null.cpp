#include "sinks.hpp"

namespace prot::player {
namespace {

/// A loudspeaker that nobody hears, in real time.
class NullSink final : public PcmSink {
 public:
  explicit NullSink(const SinkOptions& options)
      : rate_(options.rate), playout_(options.rate, options.latency_ms * kMillisecond, options.pacing) {}

  void start() override {}
  void write(std::span<const std::int16_t> samples) override {
    playout_.write(static_cast<std::int64_t>(samples.size()));
  }
  Nanos latency() override { return playout_.latency(); }
  void drain() override { playout_.drain(); }
  void flush() override { playout_.flush(); }
  unsigned rate() const noexcept override { return rate_; }
  std::string name() const override { return "null"; }

 private:
  unsigned rate_;
  audio::PlayoutModel playout_;
};

}  // namespace

std::unique_ptr<PcmSink> make_null_sink(const std::string& /*device*/, const SinkOptions& options) {
  return std::make_unique<NullSink>(options);
}

}  // namespace prot::player
