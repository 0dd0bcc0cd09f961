#include "audio/wav_head.hpp"

namespace prot::audio {
namespace {

constexpr std::uint32_t kTagPcm = 1;
constexpr std::uint32_t kSampleBytes = 2;

void put(std::string& out, std::uint32_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8U * i)) & 0xFFU));
}

}  // namespace

std::string wav_head(PcmFormat format, std::uint32_t data_bytes) {
  constexpr auto kBehindRiff = static_cast<std::uint32_t>(kWavHeadBytes) - 8;
  const std::uint32_t frame = format.channels * kSampleBytes;
  std::string out = "RIFF";
  put(out, data_bytes == kUnknownSize ? kUnknownSize : data_bytes + kBehindRiff, 4);
  out += "WAVEfmt ";
  put(out, 16, 4);
  put(out, kTagPcm, 2);
  put(out, format.channels, 2);
  put(out, format.rate, 4);
  put(out, format.rate * frame, 4);
  put(out, frame, 2);
  put(out, 8 * kSampleBytes, 2);
  out += "data";
  put(out, data_bytes, 4);
  return out;
}

}  // namespace prot::audio
