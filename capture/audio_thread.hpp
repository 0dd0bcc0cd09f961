#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ipc/doorbell.hpp"
#include "pcm_source.hpp"
#include "window_feed.hpp"

namespace prot::capture {

/// Opens a source for the audio thread; called on it, again after each loss.
using SourceOpener = std::function<std::unique_ptr<PcmSource>()>;

/// Tries the candidates ("pulse:mic", "alsa") in order; the first that starts wins. Throws Error (exit
/// code 78) with every candidate's reason.
[[nodiscard]] SourceOpener open_first_of(std::vector<std::string> candidates, const SourceOptions& options);

/// The microphone's own thread: reads windows, blocking, and hands them over through a lock-free queue of
/// fixed size; nothing is locked, allocated or logged on the way of a window. A full queue drops and counts.
/// A lost device is opened again after 250 ms, doubling up to 5 s. Threads: the audio thread runs inside;
/// everything public is for the loop. The audio thread owns its state jointly, so that one stuck in a dead
/// device's read is left behind instead of waited for.
class AudioThread final : public WindowFeed {
 public:
  /// `bell` rings for each window and each change of state.
  AudioThread(SourceOpener opener, const ipc::Doorbell& bell);
  AudioThread(const AudioThread&) = delete;
  AudioThread& operator=(const AudioThread&) = delete;
  /// Waits up to 200 ms for the device to close.
  ~AudioThread() override;

  void start(bool patient) override;
  bool pop(Window& window) noexcept override;
  FeedStatus status() const override;
  std::uint64_t revision() const noexcept override;
  void close() noexcept override;
  bool closed() const noexcept override;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);
  static void read_until_lost(Shared& shared, PcmSource& source);
  static std::unique_ptr<PcmSource> open(Shared& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace prot::capture
