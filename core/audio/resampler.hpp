#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct SRC_STATE_tag;

namespace prot::audio {

/// Changes the rate of a mono stream. Not thread-safe. Invariant: after flush(), the output is
/// round(input * to / from) samples long, at most one more or less. Equal rates copy.
class Resampler {
 public:
  /// Throws Error for a ratio outside 1/256 .. 256.
  Resampler(unsigned from_rate, unsigned to_rate);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  /// Appends what comes out to `out`; a few milliseconds stay inside. RT safe when `out` has the capacity.
  void process(std::span<const std::int16_t> in, std::vector<std::int16_t>& out);
  /// End of the stream: appends what was still inside. Then as new.
  void flush(std::vector<std::int16_t>& out);
  /// Forgets what is inside.
  void reset() noexcept;

 private:
  struct Closer {
    void operator()(SRC_STATE_tag* state) const noexcept;
  };
  void convert(std::span<const std::int16_t> in, bool end, std::vector<std::int16_t>& out);

  double ratio_;
  bool copy_;
  std::unique_ptr<SRC_STATE_tag, Closer> state_;
  std::vector<float> input_;
  std::vector<float> output_;
};

}  // namespace prot::audio
