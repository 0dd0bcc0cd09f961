#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "ipc/board.hpp"

namespace prot::supervisor {

/// One stage's turn in the drain. Its time runs from the moment when the stage before it in the flow is done.
struct DrainStep {
  std::string_view stage;
  std::string_view after;   // the step that must be done before
  Nanos deadline;           // graceful
  Nanos deadline_now;       // when it presses
  std::string_view feeder;  // who is to blame while `feed_ring` is empty: it has not sent its end yet
  std::string_view feed_ring;
  std::string_view work;         // what is waited for
  std::string_view feeder_work;  // the same of the feeder
};

// In the order of the end-of-stream frames. brain stands twice in the flow: its last words go to tts before
// tts can end, and it ends itself when player has said what was heard.
inline constexpr std::array<DrainStep, 6> kDrainSteps = {{
    {"capture", "", 5 * kSecond, kSecond, "", "", "close the microphone", ""},
    {"stt", "capture", 5 * kSecond, 2 * kSecond, "", "", "recognise what was said last", ""},
    // 15 s for brain's reply, 5 s of its own
    {"tts", "stt", 20 * kSecond, 3 * kSecond, "brain", "speech", "speak the rest", "finish its reply"},
    {"player", "tts", 30 * kSecond, 2 * kSecond, "", "", "play the rest out", ""},
    {"brain", "player", 15 * kSecond, 3 * kSecond, "", "", "commit the last turn", ""},
    {"memory", "brain", 60 * kSecond, 10 * kSecond, "", "", "store what was said", ""},
}};

/// After so long the drain presses, whoever it waits for, so that a stop ends within two minutes.
inline constexpr Nanos kDrainPressesAfter = 75 * kSecond;
/// What is still not done then is given up.
inline constexpr Nanos kDrainAtMost = 120 * kSecond;
/// Each fall of what memory has to do buys it so much, until its turn has lasted for the second of these.
inline constexpr Nanos kProgressBuys = 5 * kSecond;
inline constexpr Nanos kStepAtMost = 60 * kSecond;
/// Deaths in a row without progress after which a stage is not started again.
inline constexpr unsigned kDeathsInVain = 8;

/// What a stage has still to do; 0 of both: nothing is known of any.
struct DrainLoad {
  std::uint64_t input = 0;  // bytes in its rings
  std::uint64_t queue = 0;  // jobs of its own
};

/// What the drain does to the world.
class DrainHost {
 public:
  virtual ~DrainHost() = default;
  /// It runs, or will run by itself (held by a developer).
  [[nodiscard]] virtual bool is_alive(std::string_view stage) const = 0;
  /// There is such a program, and it has been ready before.
  [[nodiscard]] virtual bool can_start(std::string_view stage) const = 0;
  [[nodiscard]] virtual bool input_pending(std::string_view stage) const = 0;
  [[nodiscard]] virtual bool ring_pending(std::string_view ring) const = 0;
  virtual void press(ipc::Drain how) = 0;  // the board's word, and every bell
  virtual void restart(std::string_view stage) = 0;
  virtual void kill(std::string_view stage) = 0;
  virtual void close(std::string_view stage) = 0;  // gone for good: its rings are marked, neighbours woken
  virtual void say(const std::string& line) = 0;
  [[nodiscard]] virtual DrainLoad load(std::string_view stage) const {
    static_cast<void>(stage);
    return {};
  }
  /// How much `stage` still has to do, for a person ("12 jobs"); "" when nobody knows.
  [[nodiscard]] virtual std::string left_to_do(std::string_view stage) const {
    static_cast<void>(stage);
    return {};
  }
};

/// Runs the drain: who may take how long, who is to blame, who is started again, who is given up.
/// Pure logic over DrainHost: told what happens and what time it is. Single-threaded.
///
///   a stage in the drain  | it has frames or jobs left          | restarted, fresh deadline; not after eight
///   dies or is killed     |                                     | deaths without progress
///                         | else                                | closed; the drain goes on without it
///   its time is over      | graceful                            | the drain presses; two more seconds
///                         | pressing, first time                | killed
///                         | pressing, second time               | killed and given up, even if it lives on
///   memory's load falls   |                                     | five more seconds, 60 s in all
///   all of it takes 75 s  | graceful                            | the drain presses
///   all of it takes 120 s |                                     | what is left is killed and given up
class DrainSequence {
 public:
  explicit DrainSequence(DrainHost& host) : host_(&host) {}

  void begin(Nanos now, bool press_now);
  /// "Now": replies are cut, what is accepted is still stored.
  void press(Nanos now);
  void on_drained(std::string_view stage, Nanos now);
  /// It ended in another way, or cannot run.
  void on_lost(std::string_view stage, Nanos now);
  void on_time(Nanos now);

  [[nodiscard]] bool finished() const noexcept;
  [[nodiscard]] bool pressing() const noexcept { return pressing_; }
  [[nodiscard]] Nanos next_deadline() const noexcept;
  /// Stages whose time runs, for "who is blocking". explain() says what each does and how long it may.
  [[nodiscard]] std::vector<std::string> blockers() const;
  [[nodiscard]] std::string explain(Nanos now) const;

 private:
  struct Progress {
    bool active = false;
    bool done = false;
    bool owes = false;     // it has told of jobs of its own
    unsigned deaths = 0;   // since it made progress
    unsigned expired = 0;  // times that its time was over while the drain pressed
    DrainLoad load;        // when it was last looked at
    Nanos restart_at = kNever;
    Nanos since = 0;  // its turn began
    Nanos deadline = kNever;
    std::string report;  // told when the steps before it have told theirs
  };
  void advance(Nanos now);
  void lose(std::size_t step, Nanos now, bool needed);
  void finish(std::size_t step, Nanos now, const char* how);
  void expire(std::size_t step, Nanos now);
  void give_up(std::size_t step, Nanos now);
  void look_at_load(std::size_t step, Nanos now);
  [[nodiscard]] Nanos time_of(std::size_t step) const noexcept;
  [[nodiscard]] bool blames_feeder(std::size_t step) const;
  [[nodiscard]] static int index_of(std::string_view stage) noexcept;
  [[nodiscard]] bool done(std::string_view stage) const noexcept;

  DrainHost* host_;
  std::array<Progress, kDrainSteps.size()> progress_{};
  bool begun_ = false;
  bool pressing_ = false;
  Nanos begun_at_ = 0;
  Nanos report_at_ = kNever;
};

}  // namespace prot::supervisor
