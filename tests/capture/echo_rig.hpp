#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "capture/audio_thread.hpp"
#include "capture/capture_stage.hpp"
#include "player/player_stage.hpp"
#include "tests/support/echo_room.hpp"
#include "tests/support/private_pulse.hpp"
#include "tests/support/private_run.hpp"

namespace prot::capture {

/// Player and capture on a real sound server without hardware, in real time, with a computed room between
/// loudspeaker and microphone. The room's thread is inside; everything else is for the test's thread.
class EchoRig {
 public:
  EchoRig(const test::RoomOptions& room, std::unique_ptr<VoiceDetector> detector,
          std::unique_ptr<EchoCanceller> canceller);
  EchoRig(const EchoRig&) = delete;
  EchoRig& operator=(const EchoRig&) = delete;
  ~EchoRig();

  /// Gives prot something to say (16 kHz); it goes on in run().
  void say(std::span<const std::int16_t> samples);
  /// Now a person says this (16 kHz), as loud as it is.
  void speak(std::span<const std::int16_t> samples);
  /// Lets time go by.
  void run(Nanos time);
  /// The same until prot has said everything, then for `rest`.
  void run_until_said(Nanos rest);
  /// Brain stops the reply.
  void cancel();
  /// What player is, begins anew; and the same for capture, which forgets the room.
  void restart_player();
  void restart_capture(std::unique_ptr<VoiceDetector> detector, std::unique_ptr<EchoCanceller> canceller);

  struct Event {
    wire::Heard what;
    Nanos decided;
  };
  /// What capture told brain since the last call.
  [[nodiscard]] std::vector<Event> events();
  [[nodiscard]] std::uint64_t counter(std::string_view label) { return capture_run_.counter(label); }

 private:
  void start_player();
  void start_capture(std::unique_ptr<VoiceDetector> detector, std::unique_ptr<EchoCanceller> canceller);
  void be_room(const test::RoomOptions& options);
  bool step();
  void pass_on();

  const SteadyClock clock_;
  test::PrivatePulse pulse_;
  test::PrivateRun player_run_;
  test::PrivateRun capture_run_;
  std::unique_ptr<stage::StageContext> player_context_;
  std::unique_ptr<player::PlayerStage> player_;
  std::unique_ptr<stage::StageContext> capture_context_;
  std::unique_ptr<CaptureStage> capture_;
  std::vector<Event> events_;
  std::uint32_t turn_ = 0;
  std::uint32_t turns_done_ = 0;  // the newest

  std::atomic<bool> stop_{false};
  std::atomic<bool> hears_{false};
  std::mutex mutex_;  // guards what the person says
  std::vector<std::int16_t> person_;
  std::thread room_;
};

}  // namespace prot::capture
