#pragma once

#include <memory>
#include <string>

#include "playout.hpp"

namespace prot::player {

/// Whoever calls a Playout's audio side: a thread, or a test.
class PlayoutRunner {
 public:
  virtual ~PlayoutRunner() = default;
  /// Opens the device and begins. `patient`: a device that does not open is tried again later; else throws
  /// Error. Returns the device's name; empty: not open yet.
  virtual std::string start(bool patient) = 0;
  /// Ends; `play_out`: after what the device holds. Idempotent.
  virtual void stop(bool play_out) noexcept = 0;
};

/// The thread of the loudspeaker, with real-time priority where the system allows it. It owns the Playout
/// jointly, so that a thread stuck in a dead device is left behind instead of waited for.
class AudioThread final : public PlayoutRunner {
 public:
  explicit AudioThread(std::shared_ptr<Playout> playout);
  ~AudioThread() override;
  AudioThread(const AudioThread&) = delete;
  AudioThread& operator=(const AudioThread&) = delete;

  std::string start(bool patient) override;
  void stop(bool play_out) noexcept override;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared, bool patient);
  std::shared_ptr<Shared> shared_;
};

/// Tries the candidates ("pulse", "alsa:hw:0") in order; the first that opens wins. Throws Error (exit code
/// 78) with every candidate's reason.
[[nodiscard]] SinkOpener open_first_of(std::vector<std::string> candidates, const SinkOptions& options);

}  // namespace prot::player
