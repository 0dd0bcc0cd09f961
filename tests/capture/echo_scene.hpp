#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture_stage.hpp"
#include "tests/support/echo_room.hpp"
#include "tests/support/private_run.hpp"
#include "wire/speech_out.hpp"

namespace prot::capture {

/// The whole capture stage in a computed room, faster than real time: what prot says comes back through the
/// microphone, together with what a person says. One thread.
class EchoScene {
 public:
  struct Options {
    test::RoomOptions room;
    std::vector<std::string> overrides;
    Nanos stamp_error = 0;  // by which each reply's stamps are wrong, alternately early and late
  };
  EchoScene(const Options& options, std::unique_ptr<VoiceDetector> detector,
            std::unique_ptr<EchoCanceller> canceller);

  /// Prot says `far` while a person says `near`; afterwards silence, until `seconds` are over (0: as long as
  /// both). Starts on a window's begin.
  void pass(std::span<const std::int16_t> far, std::span<const std::int16_t> near, double seconds = 0);

  struct Event {
    wire::Heard what;
    Nanos decided;
  };
  /// What came out of `hearing` since the last call.
  [[nodiscard]] std::vector<Event> events();
  [[nodiscard]] Nanos now() const noexcept { return clock_.now(); }
  [[nodiscard]] std::uint64_t counter(std::string_view label) { return run_.counter(label); }

 private:
  class Feed;
  struct Device {
    std::deque<Window> windows;
  };
  void announce(std::span<const std::int16_t> far, Nanos began);
  void announce_end(std::size_t samples, Nanos began);
  void drop_audio();

  FakeClock clock_{1000 * kSecond};
  test::PrivateRun run_;
  test::EchoRoom room_;
  Device device_;
  std::unique_ptr<stage::StageContext> context_;
  std::unique_ptr<CaptureStage> stage_;
  Nanos stamp_error_;
  std::size_t announced_ = 0;
  std::uint64_t next_sample_ = 16'000'000;
};

}  // namespace prot::capture
