#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "player/player_stage.hpp"
#include "tests/support/private_run.hpp"

namespace prot::player::test {

inline constexpr unsigned kRate = 24'000;
inline constexpr unsigned kPerMs = kRate / 1000;

/// A loudspeaker with 40 ms of buffer on a clock that the test turns. What it has really played is `heard`;
/// where there was nothing to play it stands still.
class FakeDevice {
 public:
  explicit FakeDevice(FakeClock& clock) : clock_(&clock), played_until_(clock.now()) {}

  void write(std::span<const std::int16_t> samples);
  /// Plays what is due.
  void pass();
  void flush();
  [[nodiscard]] Nanos latency();

  std::vector<std::int16_t> heard;
  std::vector<Nanos> heard_at;  // for each of them
  unsigned opened = 0;
  bool broken = false;
  bool answers = true;  // false: does not open
  bool says_dry = false;

 private:
  FakeClock* clock_;
  Nanos played_until_;
  std::deque<std::int16_t> buffer_;
};

/// A player stage with its audio side in one thread, on real shared memory, a fake device and a fake clock.
class PlayerBench {
 public:
  explicit PlayerBench(std::vector<std::string> overrides = {},
                       const std::map<std::string, std::uint64_t>& capacities = {});
  ~PlayerBench();

  /// Lets `time` pass.
  void run(Nanos time);
  /// Runs until nothing moves any more; at most a minute.
  void run_out();
  /// The process ends as if killed, and a new one begins.
  void restart();

  // tts' end. `word_ends`: text bytes and samples of the alignment.
  void start(std::uint32_t turn, std::uint32_t segment, std::uint32_t text_bytes, std::uint16_t flags = 0,
             std::uint32_t joins = 0);
  void align(std::uint32_t turn, std::uint32_t segment, std::vector<wire::AlignPoint> points);
  void audio(std::uint32_t turn, std::uint32_t segment, std::span<const std::int16_t> samples,
             std::uint32_t first = 0);
  void end(std::uint32_t turn, std::uint32_t segment, std::uint32_t samples, bool failed = false);
  void end_turn(std::uint32_t turn, std::uint32_t segments);
  void end_of_stream();
  /// All of one segment: `words` of 4 letters and a space each.
  void say(std::uint32_t turn, std::uint32_t segment, std::span<const std::int16_t> samples,
           std::uint32_t words = 4, std::uint32_t joins = 0);

  // brain's end.
  void cancel(std::uint32_t turn);
  void hold_until(Nanos when);
  struct Event {
    wire::Playback head;
    std::uint32_t turn;
  };
  /// The reports so far, heard positions left out unless asked for.
  std::vector<Event> events(bool with_positions = false);
  bool saw_end_of_stream = false;

  FakeClock clock;
  FakeDevice device{clock};
  prot::test::PrivateRun memory;
  std::unique_ptr<stage::StageContext> context;
  std::shared_ptr<Playout> playout;
  std::unique_ptr<PlayerStage> stage;

 private:
  void make_stage();
  void send(ipc::PublishResult result);
  std::vector<Event> events_;
};

/// A tone without a click at either end; `sign` < 0: all samples negative, > 0: all positive, 0: a sine.
[[nodiscard]] std::vector<std::int16_t> tone(std::size_t samples, int sign = 0);
/// The largest difference between neighbours.
[[nodiscard]] int largest_step(std::span<const std::int16_t> samples);
/// Without the zeros at both ends.
[[nodiscard]] std::vector<std::int16_t> stripped(std::span<const std::int16_t> samples);

}  // namespace prot::player::test
