#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "base/utf8.hpp"
#include "json/json.hpp"

/// What the targets share. A target reads its input as a document, so that the corpus can be read by people;
/// whatever else it needs (where bytes are split, how long a buffer is) follows from a hash of the input.
namespace prot::fuzz {

/// What must hold whatever the input is. A fault ends the process, and libFuzzer keeps the input.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "it does not hold: %s\n", what);
  std::abort();
}

[[nodiscard]] inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size);
}

/// Numbers that follow from the input. Not thread-safe.
class Dice {
 public:
  explicit Dice(std::string_view input) {
    for (const char c : input) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  [[nodiscard]] std::uint64_t roll() {  // splitmix64
    std::uint64_t x = state_ += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
  }
  /// 1 to `most`, small ones more often.
  [[nodiscard]] std::size_t upto(std::size_t most) {
    const std::uint64_t now = roll();
    const std::uint64_t range = (now & 3U) == 0 ? most : 1U + most / 16;
    return 1 + static_cast<std::size_t>((now >> 8U) % range);
  }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325U;
};

/// The same bytes in one piece, each by itself, and in pieces of any length.
enum class Split { kNone, kBytes, kAny };
template <typename Take>
void in_pieces(std::string_view bytes, Split split, Take&& take) {
  Dice dice(bytes);
  while (!bytes.empty()) {
    std::size_t count = split == Split::kNone ? bytes.size() : split == Split::kBytes ? 1 : dice.upto(64);
    count = count < bytes.size() ? count : bytes.size();
    take(bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
}

/// What stands before and behind a line "====", for targets that read two documents.
struct Halves {
  std::string_view first;
  std::string_view second;
};
[[nodiscard]] inline Halves halves_of(std::string_view input) {
  constexpr std::string_view kBetween = "\n====\n";
  const std::size_t at = input.find(kBetween);
  if (at == std::string_view::npos) return {{}, input};
  return {input.substr(0, at), input.substr(at + kBetween.size())};
}

/// A file in memory, with a path for who opens files by name.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(static_cast<bool>(file_), "there is a file in memory");
    require(::write(file_.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()),
            "it takes the input");
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }
  [[nodiscard]] int fd() const noexcept { return file_.get(); }

 private:
  UniqueFd file_;
};

[[nodiscard]] inline bool is_json(std::string_view text) {
  try {
    (void)json::parse(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// A target that logs spends its time on it.
inline void be_silent() {
  set_log_observer([](const LogRecord&) {}, false);
}

}  // namespace prot::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  // NOLINT
