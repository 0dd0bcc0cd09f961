#include "audio/wav_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string>

#include "audio/wav_head.hpp"
#include "base/error.hpp"

namespace prot::audio {
namespace {

constexpr std::uint16_t kTagPcm = 1;
constexpr std::uint16_t kTagFloat = 3;
constexpr std::uint16_t kTagExtensible = 0xFFFE;
constexpr std::int64_t kMaxDataBytes = 0xFFFFFFFF - kWavHeadBytes;

std::uint32_t little_endian(const unsigned char* bytes, std::size_t size) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  return value;
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw Error("not a WAV file: " + path.string() + ": " + why);
}

std::FILE* open(const std::filesystem::path& path, const char* mode, const char* what) {
  std::FILE* file = std::fopen(path.c_str(), mode);
  if (file == nullptr) throw errno_error(std::string(what) + " " + path.string());
  return file;
}

}  // namespace

WavReader::WavReader(const std::filesystem::path& path)
    : file_(open(path, "rbe", "cannot open")), path_(path) {
  struct stat status = {};
  if (fstat(fileno(file_.get()), &status) != 0) throw errno_error("cannot read " + path.string());
  if (!S_ISREG(status.st_mode)) refuse(path, "not a regular file");

  std::array<unsigned char, 12> head{};
  if (std::fread(head.data(), 1, head.size(), file_.get()) != head.size()) refuse(path, "too short");
  if (std::memcmp(head.data(), "RIFF", 4) != 0 || std::memcmp(head.data() + 8, "WAVE", 4) != 0) {
    refuse(path, "no RIFF/WAVE header");
  }
  while (true) {
    std::array<unsigned char, 8> chunk{};
    if (std::fread(chunk.data(), 1, chunk.size(), file_.get()) != chunk.size()) {
      refuse(path, rate_ == 0 ? "no format chunk" : "no data chunk");
    }
    const std::uint32_t size = little_endian(chunk.data() + 4, 4);
    if (std::memcmp(chunk.data(), "data", 4) == 0) {
      if (rate_ == 0) refuse(path, "no format chunk before the data");
      const std::int64_t in_file = std::max<std::int64_t>(0, status.st_size - ftello(file_.get()));
      const std::int64_t bytes =
          size == 0 || size == kUnknownSize ? in_file : std::min<std::int64_t>(size, in_file);
      frames_ = frames_left_ = bytes / (static_cast<std::int64_t>(channels_) * sample_bytes_);
      return;
    }
    if (std::memcmp(chunk.data(), "fmt ", 4) == 0) {
      read_format(size);
    } else if (fseeko(file_.get(), static_cast<off_t>(size) + (size & 1U), SEEK_CUR) != 0) {
      throw errno_error("cannot read " + path.string());
    }
  }
}

void WavReader::read_format(std::uint32_t size) {
  std::array<unsigned char, 40> format{};
  const std::size_t wanted = std::min<std::size_t>(size, format.size());
  if (size < 16 || std::fread(format.data(), 1, wanted, file_.get()) != wanted)
    refuse(path_, "format chunk too short");
  if (fseeko(file_.get(), static_cast<off_t>(size - wanted) + (size & 1U), SEEK_CUR) != 0)
    refuse(path_, "format chunk");
  std::uint32_t tag = little_endian(format.data(), 2);
  if (tag == kTagExtensible && wanted >= 26) tag = little_endian(format.data() + 24, 2);
  channels_ = little_endian(format.data() + 2, 2);
  rate_ = little_endian(format.data() + 4, 4);
  const std::uint32_t bits = little_endian(format.data() + 14, 2);
  if (channels_ < 1 || channels_ > 64) refuse(path_, std::to_string(channels_) + " channels");
  if (rate_ < 1000 || rate_ > 768'000) refuse(path_, "rate of " + std::to_string(rate_) + " Hz");
  const bool pcm = tag == kTagPcm && (bits == 8 || bits == 16 || bits == 24 || bits == 32);
  if (!pcm && !(tag == kTagFloat && bits == 32)) {
    refuse(path_,
           "encoding " + std::to_string(tag) + " with " + std::to_string(bits) + " bits is not supported");
  }
  encoding_ = pcm ? Encoding::kPcm : Encoding::kFloat;
  sample_bytes_ = bits / 8;
}

float WavReader::sample_at(const unsigned char* bytes) const noexcept {
  if (encoding_ == Encoding::kFloat) {
    float value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return std::isfinite(value) ? std::clamp(value, -1.0F, 1.0F) * 32768.0F : 0.0F;
  }
  if (sample_bytes_ == 1) return (static_cast<float>(bytes[0]) - 128.0F) * 256.0F;  // 8 bits are unsigned
  const std::uint32_t value = little_endian(bytes, sample_bytes_) << (32 - 8 * sample_bytes_);
  return static_cast<float>(static_cast<std::int32_t>(value)) / 65536.0F;
}

std::size_t WavReader::read(std::span<std::int16_t> samples) {
  const std::size_t frame_bytes = static_cast<std::size_t>(channels_) * sample_bytes_;
  std::array<unsigned char, 8192> block;  // holds at least 32 frames of the widest kind
  std::size_t done = 0;
  while (done < samples.size() && frames_left_ > 0) {
    const std::size_t wanted =
        std::min({samples.size() - done, block.size() / frame_bytes,
                  static_cast<std::size_t>(std::min<std::int64_t>(frames_left_, 1 << 20))});
    const std::size_t got = std::fread(block.data(), frame_bytes, wanted, file_.get());
    for (std::size_t frame = 0; frame < got; ++frame) {
      float sum = 0;
      for (unsigned channel = 0; channel < channels_; ++channel) {
        sum +=
            sample_at(block.data() + frame * frame_bytes + static_cast<std::size_t>(channel) * sample_bytes_);
      }
      const float mono = std::clamp(std::round(sum / static_cast<float>(channels_)), -32768.0F, 32767.0F);
      samples[done + frame] = static_cast<std::int16_t>(mono);
    }
    done += got;
    frames_left_ -= static_cast<std::int64_t>(got);
    if (got < wanted) {
      if (std::ferror(file_.get()) != 0) throw errno_error("cannot read " + path_.string(), EIO);
      frames_left_ = 0;
    }
  }
  return done;
}

std::vector<std::int16_t> WavReader::read_all() {
  std::vector<std::int16_t> all;
  std::vector<std::int16_t> block(16'384);
  while (const std::size_t got = read(block))
    all.insert(all.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
  return all;
}

WavWriter::WavWriter(const std::filesystem::path& path, PcmFormat format)
    : file_(open(path, "wbe", "cannot write")), path_(path), format_(format) {
  write_header();
}

WavWriter::~WavWriter() {
  try {
    close();
  } catch (const Error&) {
    // Said in the header: the caller who wants to know calls close().
  }
}

void WavWriter::write(std::span<const std::int16_t> samples) {
  if (!file_) throw Error("cannot write " + path_.string() + ": it is closed");
  if (samples.empty()) return;  // fwrite must not be given null either
  const std::int64_t bytes = (samples_ + static_cast<std::int64_t>(samples.size())) * 2;
  if (bytes > kMaxDataBytes)
    throw Error("cannot write " + path_.string() + ": a WAV file holds at most 4 GiB");
  if (std::fwrite(samples.data(), 2, samples.size(), file_.get()) != samples.size()) {
    throw errno_error("cannot write " + path_.string());
  }
  samples_ += static_cast<std::int64_t>(samples.size());
  const auto second = static_cast<std::int64_t>(format_.rate) * format_.channels;
  if (samples_ - samples_in_header_ >= second) write_header();
}

void WavWriter::close() {
  if (!file_) return;
  write_header();
  if (std::fclose(file_.release()) != 0) throw errno_error("cannot write " + path_.string());
}

void WavWriter::write_header() {
  const std::string head = wav_head(format_, static_cast<std::uint32_t>(samples_ * 2));
  const bool written = fseeko(file_.get(), 0, SEEK_SET) == 0 &&
                       std::fwrite(head.data(), 1, head.size(), file_.get()) == head.size() &&
                       fseeko(file_.get(), 0, SEEK_END) == 0 && std::fflush(file_.get()) == 0;
  if (!written) throw errno_error("cannot write " + path_.string());
  samples_in_header_ = samples_;
}

}  // namespace prot::audio
