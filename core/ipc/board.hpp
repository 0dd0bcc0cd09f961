#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "ipc/layout.hpp"
#include "ipc/turn_log.hpp"

/// The board: one more segment "/prot.INSTANCE.RUN.board", every field with exactly one writer, read by
/// everybody.
namespace prot::ipc {

inline constexpr std::uint64_t kBoardMagic = 0x31445242544F5250;  // "PROTBRD1"
inline constexpr std::size_t kMaxPrograms = 12;
inline constexpr std::size_t kMaxCounters = 40;

/// What the supervisor says of a program.
enum class ProgramState : std::uint32_t {
  kDown,
  kStarting,
  kReady,
  kStopping,
  kBackoff,
  kFailed,
  kHeld,
  kDone,
  kEnding  // it hangs or has crashed; something of it is still there
};
[[nodiscard]] const char* to_string(ProgramState state) noexcept;

/// The conversation's state (original.md); written by brain.
enum class ConversationState : std::uint32_t {
  kIdle,
  kListening,
  kProcessing,
  kSpeaking,
  kActive,
  kInterrupted
};
[[nodiscard]] const char* to_string(ConversationState state) noexcept;

/// How hard a drain presses; written by the supervisor.
enum class Drain : std::uint32_t { kNone, kGraceful, kNow };

struct BoardHeader {
  Word magic;
  std::uint16_t abi_major, abi_minor;
  std::uint32_t size;
  char instance[40];
  char run_id[16];
  std::uint32_t program_count;
  char programs[kMaxPrograms][16];
  std::uint32_t crc;
};

struct ProgramEntry {  // writer: supervisor
  HalfWord pid, generation, state, restarts;
  std::atomic<std::int32_t> last_exit;  // exit code, or -signal
  HalfWord degraded;                    // 1: it dies again and again and is tried seldom
  Word started_ns, ready_ns;
  HalfWord log_level;  // 0: as configured; 1 + LogLevel: changed while it runs
  HalfWord timers;     // 1 + timers of the kernel that its process has; 0: not counted; since 1.4
};

struct SupervisorPage {
  Word pid, start_time, heartbeat_ns, started_wall_ns;
  HalfWord drain;      // Drain
  HalfWord log_level;  // the supervisor's own; 0: as configured; 1 + LogLevel: changed while it runs
  ProgramEntry programs[kMaxPrograms];
};

struct ConversationPage {                   // writer: brain
  HalfWord state;                           // ConversationState
  HalfWord voice_turn;                      // number of the newest voice turn
  Word cancelled_turn;                      // voice frames of turns <= this are stale; final
  std::atomic<std::int64_t> hold_until_ns;  // player is silent until then (barge-in suspected); 0: cleared
  HalfWord utterance;                       // newest utterance that brain took
  Word turns_done;
  Word last_message;   // newest message sequence (wire/memory.hpp)
  Word turn_began_ns;  // when the voice turn that is under way began; 0: none is
  TurnLog turns;       // where the time of the last ones went
};

struct PlaybackPage {  // writer: player
  HalfWord turn, segment;
  Word samples_heard;  // of that segment, at the DAC
  Word bytes_heard;    // of that segment's text
  HalfWord sample_rate, playing;
  std::atomic<std::int64_t> at_ns;
};

struct Counter {
  char label[24];
  Word value;
};

struct StagePage {  // writer: that stage
  Word heartbeat_ns, loops, work, busy_ns, wait_ns, max_loop_ns;
  HalfWord asleep, pid;
  char engine[48];  // may change: a reader may see a mixture of two
  HalfWord counter_count;
  Counter counters[kMaxCounters];
  Word busy_until_ns;  // a call that blocks is expected to last until then; 0: none
};

inline constexpr std::size_t kBoardSize = kPage * (4 + kMaxPrograms);
static_assert(sizeof(SupervisorPage) <= kPage && sizeof(StagePage) <= kPage && sizeof(BoardHeader) <= kPage &&
              sizeof(ConversationPage) <= kPage);

/// A mapping of the board: own pages writable, the others read-only. Not thread-safe but for the atomics.
class Board {
 public:
  /// Supervisor. Throws Error.
  static Board create(const std::string& instance, const std::string& run_id,
                      const std::vector<std::string>& programs);
  /// `writer`: name of the stage whose pages become writable; empty: observer. Throws Error.
  static Board open(const std::string& shm_name, std::string_view writer = {});

  [[nodiscard]] const BoardHeader& header() const noexcept { return *header_; }
  [[nodiscard]] SupervisorPage& supervisor() const noexcept { return *supervisor_; }
  [[nodiscard]] ConversationPage& conversation() const noexcept { return *conversation_; }  // brain writes
  [[nodiscard]] PlaybackPage& playback() const noexcept { return *playback_; }              // player writes
  [[nodiscard]] StagePage& stage(std::size_t program) const noexcept { return *stages_[program]; }
  /// Index of a program, or -1.
  [[nodiscard]] int find(std::string_view program) const noexcept;
  /// The counter `label` of a stage's own page, made at first use. Never fails: the last one is "other".
  [[nodiscard]] Word& counter(std::size_t program, std::string_view label) const noexcept;

  /// Is a voice turn cancelled? RT safe.
  [[nodiscard]] bool is_cancelled(std::uint32_t turn) const noexcept {
    return turn != 0 && turn <= conversation_->cancelled_turn.load(std::memory_order_acquire);
  }

 private:
  Board() = default;
  std::vector<boost::interprocess::mapped_region> regions_;
  BoardHeader* header_ = nullptr;
  SupervisorPage* supervisor_ = nullptr;
  ConversationPage* conversation_ = nullptr;
  PlaybackPage* playback_ = nullptr;
  StagePage* stages_[kMaxPrograms] = {};
  int own_ = -1;  // program whose page this mapping may write
};

}  // namespace prot::ipc
