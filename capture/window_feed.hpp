#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "wire/speech_in.hpp"

namespace prot::capture {

/// 32 ms from the microphone.
struct Window {
  std::array<std::int16_t, wire::kMicWindow> samples;
  std::uint64_t first_sample = 0;  // of this feed: what was dropped before it is counted
  Nanos at = 0;                    // the last sample was at the microphone about then
  std::uint32_t missing = 0;       // samples dropped just before this window
  std::uint32_t opening = 0;       // rises when the device was opened anew
};

/// How the device does.
struct FeedStatus {
  std::string device;  // as it was opened; what is being tried while none is open
  bool open = false;
  std::uint64_t lost = 0;     // times the device failed
  std::uint64_t dropped = 0;  // samples that found no room
};

/// Where the stage's loop takes windows from. Called by the loop alone; never blocks but in start().
class WindowFeed {
 public:
  virtual ~WindowFeed() = default;
  /// Opens the device. `patient`: a device that cannot be opened is tried again later; else Error.
  virtual void start(bool patient) = 0;
  /// RT safe.
  [[nodiscard]] virtual bool pop(Window& window) noexcept = 0;
  [[nodiscard]] virtual FeedStatus status() const = 0;
  /// Changes whenever status() does. RT safe.
  [[nodiscard]] virtual std::uint64_t revision() const noexcept = 0;
  /// Asks the device to close.
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual bool closed() const noexcept = 0;
};

}  // namespace prot::capture
