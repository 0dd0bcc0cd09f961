#include "audio/resampler.hpp"

#include <samplerate.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"

namespace prot::audio {
namespace {
constexpr std::size_t kBlock = 1024;  // input samples converted at once
}

void Resampler::Closer::operator()(SRC_STATE* state) const noexcept { src_delete(state); }

Resampler::Resampler(unsigned from_rate, unsigned to_rate)
    : ratio_(static_cast<double>(to_rate) / static_cast<double>(from_rate)), copy_(from_rate == to_rate) {
  if (from_rate == 0 || to_rate == 0 || src_is_valid_ratio(ratio_) == 0) {
    throw Error("cannot convert sound from " + std::to_string(from_rate) + " to " + std::to_string(to_rate) +
                " Hz");
  }
  if (copy_) return;
  int code = 0;
  state_.reset(src_new(SRC_SINC_MEDIUM_QUALITY, 1, &code));
  if (!state_) throw Error(std::string("cannot make a resampler: ") + src_strerror(code));
  input_.resize(kBlock);
  output_.resize(static_cast<std::size_t>(std::ceil(kBlock * ratio_)) + 64);
}

Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

void Resampler::process(std::span<const std::int16_t> in, std::vector<std::int16_t>& out) {
  if (copy_) {
    out.insert(out.end(), in.begin(), in.end());
    return;
  }
  for (; !in.empty(); in = in.subspan(std::min(in.size(), kBlock)))
    convert(in.first(std::min(in.size(), kBlock)), false, out);
}

void Resampler::flush(std::vector<std::int16_t>& out) {
  if (copy_) return;
  convert({}, true, out);
  reset();
}

void Resampler::reset() noexcept {
  if (state_) src_reset(state_.get());
}

void Resampler::convert(std::span<const std::int16_t> in, bool end, std::vector<std::int16_t>& out) {
  src_short_to_float_array(in.data(), input_.data(), static_cast<int>(in.size()));
  SRC_DATA data = {};
  data.data_in = input_.data();
  data.input_frames = static_cast<long>(in.size());
  data.data_out = output_.data();
  data.output_frames = static_cast<long>(output_.size());
  data.end_of_input = end ? 1 : 0;
  data.src_ratio = ratio_;
  while (true) {
    if (const int code = src_process(state_.get(), &data); code != 0) {
      throw Error(std::string("cannot resample: ") + src_strerror(code));
    }
    const std::size_t old_size = out.size();
    out.resize(old_size + static_cast<std::size_t>(data.output_frames_gen));
    src_float_to_short_array(output_.data(), out.data() + old_size, static_cast<int>(data.output_frames_gen));
    data.data_in += data.input_frames_used;
    data.input_frames -= data.input_frames_used;
    const bool more_comes =
        data.output_frames_gen == data.output_frames || (end && data.output_frames_gen > 0);
    if (data.input_frames == 0 && !more_comes) return;
  }
}

}  // namespace prot::audio
