#pragma once

#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <functional>
#include <memory>
#include <string>

#include "ipc/board.hpp"
#include "ipc/doorbell.hpp"
#include "pcm_sink.hpp"
#include "playout_clock.hpp"
#include "sample_queue.hpp"

namespace prot::player {

/// Opens the device; called by the audio thread, again after each loss. Throws Error.
using SinkOpener = std::function<std::unique_ptr<PcmSink>()>;

/// What the audio thread tells the loop.
struct Report {
  enum class Kind {
    kPlayed,  // samples went to the device; [begin, end) are their positions, empty for a fade-out
    kUnderrun,
    kHeld,  // silent; positions from `begin` on were not heard and come again
    kCut,   // the turns <= `cancelled` are gone; heard up to `begin`; what comes next is at `end`
    kLost,  // the device is gone; as kHeld
    kDry,   // the device had nothing to play in the middle of the sound, for want of time
    kOpened
  };
  Kind kind = Kind::kPlayed;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t cancelled = 0;
  Nanos written_ns = 0;
  Nanos audible_ns = 0;  // when the last of the samples is at the DAC
  std::uint32_t count = 0;
  std::int16_t samples[Chunk::kMaxSamples] = {};  // as played
};

/// The audio thread's work: feeds the device from a queue in periods of 10 ms and obeys the board's hold and
/// cancel words in each of them, whatever the loop does. Threads: push, pop, poke for the loop; open, step,
/// wait for the audio thread; a test calls all by hand. RT safe but for the device itself and its loss.
///
///   state   | samples queued | none queued       | hold          | cancelled         | device fails
///   idle    | playing        | sleep             | held          | skip, tell        | -
///   playing | write          | pad 20 ms, idle   | fade, flush,  | fade, flush, skip,| lost
///           |                |                   | rewind: held  | tell              |
///   held    | stay           | stay              | until it ends | skip, tell        | -
///   lost    | stay           | stay              | -             | skip, tell        | try again, doubling
class Playout {
 public:
  /// `stage_bell` rings when there are reports. The others must outlive the
  /// loop's use of it.
  Playout(SinkOpener opener, unsigned rate, const ipc::ConversationPage& conversation,
          const ipc::Doorbell& stage_bell, const Clock& clock);

  // ---- loop
  /// REQUIRES: as SampleQueue::push.
  void push(std::uint32_t turn, std::span<const std::int16_t> samples) noexcept;
  [[nodiscard]] bool pop(Report& report) noexcept { return reports_.pop(report); }
  /// Wakes the audio thread: the board has changed.
  void poke() const noexcept { bell_.ring(); }
  /// The stage ends: what is still blocked in the device touches nothing of it any more.
  void end() noexcept {
    ended_.store(true, std::memory_order_release);
    bell_.ring();
  }
  [[nodiscard]] const SampleQueue& queue() const noexcept { return queue_; }
  [[nodiscard]] unsigned rate() const noexcept { return rate_; }

  // ---- audio thread
  /// Opens the device. Throws Error. Returns its name.
  std::string open();
  /// One period. Returns when to call again: 0 at once, kNever when woken.
  Nanos step();
  /// Sleeps until woken or `until`; returns at once when there is something to do.
  void wait(Nanos until);
  /// Plays out what the device holds and closes it.
  void close(bool play_out) noexcept;

 private:
  static constexpr std::size_t kReports = 256;

  [[nodiscard]] bool obey(Nanos now);
  void cancel(std::uint64_t cancelled, Nanos now);
  void silence(std::uint64_t heard);
  [[nodiscard]] bool skip_cancelled() noexcept;
  void play(const Chunk& chunk, Nanos now);
  void watch_for_gap(Nanos now);
  [[nodiscard]] Nanos pad(Nanos now);
  void write(std::span<const std::int16_t> samples, std::uint64_t begin, std::uint64_t end, Nanos now);
  void lose(Nanos now, const std::string& why) noexcept;
  [[nodiscard]] Nanos reopen(Nanos now);
  [[nodiscard]] bool tell(Report::Kind kind, std::uint64_t heard) noexcept;
  [[nodiscard]] bool work_waits() const noexcept;

  SinkOpener opener_;
  unsigned rate_;
  const ipc::ConversationPage* conversation_;
  ipc::Doorbell stage_bell_;  // our own handle: the thread may outlive the stage
  const Clock* clock_;
  ipc::Doorbell bell_ = ipc::Doorbell::create();
  SampleQueue queue_;
  boost::lockfree::spsc_queue<Report, boost::lockfree::capacity<kReports>> reports_;
  std::atomic<bool> asleep_{false};
  std::atomic<bool> ended_{false};

  // Audio thread only.
  std::unique_ptr<PcmSink> sink_;
  PlayoutClock heard_;
  Report report_;  // here, not on the stack of each period
  bool held_ = false;
  bool crowded_ = false;      // there is no room for reports
  std::uint64_t obeyed_ = 0;  // cancelled turn that was carried out
  std::uint64_t cut_heard_ = 0;
  bool cut_untold_ = false;
  std::int64_t hold_seen_ = 0;
  std::uint32_t fade_in_ = 0;  // samples left of a fade-in
  std::uint32_t pad_left_ = 0;
  std::int16_t last_sample_ = 0;
  bool sounding_ = false;      // the last thing written was sound
  unsigned since_dry_ = 1000;  // periods that were written since the device ran dry
  unsigned unrung_ = 0;        // reports since the loop's bell
  Nanos retry_at_ = 0;
  Nanos back_off_ = 0;
};

}  // namespace prot::player
