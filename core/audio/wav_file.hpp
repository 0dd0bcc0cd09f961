#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "audio/pcm_format.hpp"

namespace prot::audio {

struct FileCloser {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// Reads a WAV file as mono 16-bit samples at the file's rate: PCM of 8, 16, 24, 32 bits and 32-bit float,
/// any number of channels (averaged). A data chunk that promises more than the file holds ends at the end of
/// the file. Not thread-safe.
class WavReader {
 public:
  /// Throws Error: "cannot open ...", "not a WAV file: PATH: why".
  explicit WavReader(const std::filesystem::path& path);

  [[nodiscard]] unsigned rate() const noexcept { return rate_; }
  [[nodiscard]] unsigned channels() const noexcept { return channels_; }
  /// Frames in the file.
  [[nodiscard]] std::int64_t frames() const noexcept { return frames_; }
  /// Fills `samples` as far as the file goes; returns how many were read, 0 at the end.
  [[nodiscard]] std::size_t read(std::span<std::int16_t> samples);
  /// All that is left.
  [[nodiscard]] std::vector<std::int16_t> read_all();

 private:
  enum class Encoding { kPcm, kFloat };
  void read_format(std::uint32_t size);
  [[nodiscard]] float sample_at(const unsigned char* bytes) const noexcept;

  std::unique_ptr<std::FILE, FileCloser> file_;
  std::filesystem::path path_;
  Encoding encoding_ = Encoding::kPcm;
  unsigned rate_ = 0;
  unsigned channels_ = 0;
  unsigned sample_bytes_ = 0;
  std::int64_t frames_ = 0;
  std::int64_t frames_left_ = 0;
};

/// Writes 16-bit PCM. The header is brought up to date once for each second of sound and at the end, so a
/// writer that is killed leaves a valid file that lacks at most the last second. Not thread-safe.
class WavWriter {
 public:
  /// Makes or overwrites the file. Throws Error.
  WavWriter(const std::filesystem::path& path, PcmFormat format);
  WavWriter(const WavWriter&) = delete;
  WavWriter& operator=(const WavWriter&) = delete;
  /// Closes; an error is lost here: call close() to see it.
  ~WavWriter();

  /// Throws Error when the disk does not take it, or at the format's limit of 4 GiB.
  void write(std::span<const std::int16_t> samples);
  void close();
  [[nodiscard]] std::int64_t frames() const noexcept { return samples_ / format_.channels; }

 private:
  void write_header();

  std::unique_ptr<std::FILE, FileCloser> file_;
  std::filesystem::path path_;
  PcmFormat format_;
  std::int64_t samples_ = 0;
  std::int64_t samples_in_header_ = 0;
};

}  // namespace prot::audio
