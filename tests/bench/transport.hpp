#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "process_pair.hpp"

namespace prot::bench {

enum class Mode { kSpin, kSleep };
[[nodiscard]] constexpr const char* to_string(Mode mode) noexcept {
  return mode == Mode::kSpin ? "spin" : "sleep";
}

/// What a test breaks in the ring's sender, to see that it is found.
enum class Fault { kNone, kSkipsAFrame, kNeverRings };

/// Bytes of room in one direction: the same for every transport that can be told.
inline constexpr std::size_t kBuffer = 1U << 20U;

/// What one transport is made for.
struct Setup {
  Mode mode = Mode::kSpin;  // how an end waits
  std::size_t bytes = 0;    // of every frame
  unsigned patience = 1;    // pauses between two looks of an end that spins
  Fault fault = Fault::kNone;
};

/// Frames of a loop: those before the measurement, and those of it.
struct Counts {
  std::uint64_t warm = 0;
  std::uint64_t frames = 0;
};

/// When a paced sender sends.
struct Pace {
  Nanos interval = 0;
  bool spin = false;  // looks at the clock all the time instead of sleeping: makes no system call
};

/// One way to hand frames from process to process, in both directions. Made in the parent, then each loop is
/// called in a child of its own. Every loop copies each frame in and out and checks its number.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Left: sends and waits for the echo; samples are round trips. Right: the echo.
  virtual void ping(Arena& arena, Counts counts) = 0;
  virtual void pong(Arena& arena, Counts counts) = 0;
  /// As fast as possible, left to right; begin and end are the receiver's.
  virtual void send_all(Arena& arena, Counts counts) = 0;
  virtual void receive_all(Arena& arena, Counts counts) = 0;
  /// At a pace; samples are the ways from before the send to after the copy out.
  virtual void send_paced(Arena& arena, Counts counts, Pace pace) = 0;
  virtual void receive_paced(Arena& arena, Counts counts) = 0;
  /// Left waits `quiet`, then sends one frame; right waits for it, and says what that cost.
  virtual void send_late(Arena& arena, Nanos quiet) = 0;
  virtual void receive_late(Arena& arena) = 0;
};

/// A line of the registry.
struct TransportInfo {
  const char* name;
  bool spin;
  bool sleep;
  bool many_calls;  // every frame costs system calls or more: fewer frames are enough
  std::unique_ptr<Transport> (*make)(const Setup& setup);
  const char* what;
};

/// All that this program was built with and that can run here, the ring first.
[[nodiscard]] const std::vector<TransportInfo>& transports();
[[nodiscard]] inline bool has_mode(const TransportInfo& info, Mode mode) noexcept {
  return mode == Mode::kSpin ? info.spin : info.sleep;
}

// One file each; transports() asks them.
std::unique_ptr<Transport> make_ring(const Setup& setup);
std::unique_ptr<Transport> make_slot(const Setup& setup);
std::unique_ptr<Transport> make_boost_spsc(const Setup& setup);
std::unique_ptr<Transport> make_boost_mq(const Setup& setup);
std::unique_ptr<Transport> make_pipe(const Setup& setup);
std::unique_ptr<Transport> make_unix_stream(const Setup& setup);
std::unique_ptr<Transport> make_unix_seqpacket(const Setup& setup);
std::unique_ptr<Transport> make_eventfd(const Setup& setup);
std::unique_ptr<Transport> make_iceoryx(const Setup& setup);
/// Starts the daemon that iceoryx needs. False: not built with it, or another daemon runs on this machine.
bool start_iceoryx();
void stop_iceoryx() noexcept;

}  // namespace prot::bench
