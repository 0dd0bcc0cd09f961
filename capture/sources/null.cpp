#include <algorithm>

#include "sources.hpp"

namespace prot::capture {
namespace {

/// A microphone in a silent room.
class NullSource final : public PcmSource {
 public:
  explicit NullSource(const SourceOptions& options) : rate_(options.rate), pacing_(options.pacing) {}

  void start() override { start_ = pacing_.now(); }
  bool read(std::span<std::int16_t> samples) override {
    std::fill(samples.begin(), samples.end(), std::int16_t{0});
    frames_ += static_cast<std::int64_t>(samples.size());
    pacing_.wait_until(recorded_at());
    return true;
  }
  Nanos latency() override { return std::max<Nanos>(0, pacing_.now() - recorded_at()); }
  std::string name() const override { return "null"; }

 private:
  [[nodiscard]] Nanos recorded_at() const { return start_ + audio::frames_to_nanos(frames_, rate_); }

  unsigned rate_;
  audio::Pacing pacing_;
  Nanos start_ = 0;
  std::int64_t frames_ = 0;
};

}  // namespace

std::unique_ptr<PcmSource> make_null_source(const std::string& /*device*/, const SourceOptions& options) {
  return std::make_unique<NullSource>(options);
}

}  // namespace prot::capture
