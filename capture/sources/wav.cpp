#include <algorithm>
#include <optional>
#include <vector>

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "sources.hpp"

namespace prot::capture {
namespace {

/// A file as if it were spoken now.
class WavSource final : public PcmSource {
 public:
  WavSource(std::string path, const SourceOptions& options) : path_(std::move(path)), options_(options) {}

  void start() override {
    reader_.emplace(path_);
    resampler_.emplace(reader_->rate(), options_.rate);
    start_ = options_.pacing.now();
  }

  bool read(std::span<std::int16_t> samples) override {
    while (!at_end_ && converted_.size() - taken_ < samples.size()) convert_block();
    const std::size_t got = std::min(samples.size(), converted_.size() - taken_);
    const auto first = converted_.begin() + static_cast<std::ptrdiff_t>(taken_);
    std::copy(first, first + static_cast<std::ptrdiff_t>(got), samples.begin());
    std::fill(samples.begin() + static_cast<std::ptrdiff_t>(got), samples.end(), std::int16_t{0});
    taken_ += got;
    frames_ += static_cast<std::int64_t>(samples.size());
    if (options_.wav_in_real_time) options_.pacing.wait_until(recorded_at());
    return got > 0 || options_.wav_then_silence;
  }

  Nanos latency() override {
    return options_.wav_in_real_time ? std::max<Nanos>(0, options_.pacing.now() - recorded_at()) : 0;
  }
  std::string name() const override { return "wav:" + path_; }

 private:
  [[nodiscard]] Nanos recorded_at() const { return start_ + audio::frames_to_nanos(frames_, options_.rate); }

  void convert_block() {
    converted_.erase(converted_.begin(), converted_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    block_.resize(4096);
    block_.resize(reader_->read(block_));
    at_end_ = block_.empty();
    if (at_end_) {
      resampler_->flush(converted_);
    } else {
      resampler_->process(block_, converted_);
    }
  }

  std::string path_;
  SourceOptions options_;
  std::optional<audio::WavReader> reader_;
  std::optional<audio::Resampler> resampler_;
  std::vector<std::int16_t> block_;      // at the file's rate
  std::vector<std::int16_t> converted_;  // at our rate; the first taken_ are delivered
  std::size_t taken_ = 0;
  bool at_end_ = false;
  Nanos start_ = 0;
  std::int64_t frames_ = 0;
};

}  // namespace

std::unique_ptr<PcmSource> make_wav_source(const std::string& device, const SourceOptions& options) {
  if (device.empty()) throw UsageError("source \"wav\" needs a file: wav:FILE");
  return std::make_unique<WavSource>(device, options);
}

}  // namespace prot::capture
