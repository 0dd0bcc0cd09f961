#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "sinks.hpp"

namespace prot::player {
namespace {

/// A file as if it recorded a loudspeaker: in real time, and only what was played before a flush. Pauses in
/// which nothing was written are not recorded.
class WavSink final : public PcmSink {
 public:
  WavSink(std::string path, const SinkOptions& options)
      : path_(std::move(path)),
        rate_(options.rate),
        playout_(options.rate, options.latency_ms * kMillisecond, options.pacing) {}
  WavSink(const WavSink&) = delete;
  WavSink& operator=(const WavSink&) = delete;
  ~WavSink() override {
    try {
      if (writer_) record_all();
    } catch (const Error&) {
      // Nobody is left to be told; what was recorded before is in the file.
    }
  }

  void start() override { writer_.emplace(path_, audio::PcmFormat{.rate = rate_, .channels = 1}); }
  void write(std::span<const std::int16_t> samples) override {
    waiting_.insert(waiting_.end(), samples.begin(), samples.end());
    playout_.write(static_cast<std::int64_t>(samples.size()));
    record_played();
  }
  Nanos latency() override { return playout_.latency(); }
  void drain() override {
    playout_.drain();
    record_all();
  }
  void flush() override {
    record_played();
    playout_.flush();
    waiting_.clear();
  }
  unsigned rate() const noexcept override { return rate_; }
  std::string name() const override { return "wav:" + path_; }

 private:
  void record_played() { record(playout_.played() - writer_->frames()); }
  void record_all() { record(static_cast<std::int64_t>(waiting_.size())); }
  void record(std::int64_t count) {
    if (count <= 0) return;
    const auto end =
        waiting_.begin() + std::min<std::int64_t>(count, static_cast<std::int64_t>(waiting_.size()));
    writer_->write(std::vector<std::int16_t>(waiting_.begin(), end));
    waiting_.erase(waiting_.begin(), end);
  }

  std::string path_;
  unsigned rate_;
  audio::PlayoutModel playout_;
  std::optional<audio::WavWriter> writer_;
  std::deque<std::int16_t> waiting_;  // taken, not played yet
};

}  // namespace

std::unique_ptr<PcmSink> make_wav_sink(const std::string& device, const SinkOptions& options) {
  if (device.empty()) throw UsageError("sink \"wav\" needs a file: wav:FILE");
  return std::make_unique<WavSink>(device, options);
}

}  // namespace prot::player
