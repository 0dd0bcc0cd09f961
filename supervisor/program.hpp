#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "launcher.hpp"
#include "program_host.hpp"
#include "program_state.hpp"
#include "restart_policy.hpp"
#include "stage/event_loop.hpp"

namespace prot::supervisor {

/// One program: its state machine (program_state.hpp), its process, pipes and timer.
/// Single-threaded. Invariants: at most one process at a time; every callback of an older process is gone
/// before a new one starts; a timer acts only on the state that set it. Lifetime: ends without killing (the
/// kernel does, by the parent-death signal); stop() first for an orderly end.
class Program {
 public:
  Program(std::string name, std::unique_ptr<Launcher> launcher, ProcessSys& sys, stage::EventLoop& loop,
          const Clock& clock, ProgramHost& host);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // What the user or the supervisor wants.
  void start();  // by hand: nothing holds it back
  void stop();
  void restart();  // likewise; starts it if it is down
  /// A process of a developer takes the place once ours is gone: `by` itself, or one that `by` starts from
  /// next_launch() and that held_process() names.
  void hold(pid_t by, bool by_itself = true);
  void hold_next(pid_t by);  // the same once ours has ended by itself, or is restarted
  /// What ours would be made of. REQUIRES: state() is kHeld. Throws Error.
  [[nodiscard]] Launch next_launch();
  void held_process(pid_t pid, bool ready);
  /// A debugger of `by` may stop our process for as long as it likes: no watchdog, no deadline for the start;
  /// if it ends, its place stays empty until release(). REQUIRES: has_process(state()), not stopping.
  void attach(pid_t by);
  /// The holder, or the debugger, is gone. What it left of its own process dies; ours goes on.
  void release();
  void kill();  // SIGKILL now; what follows is as if it had crashed
  void hung(const std::string& why = "");

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool ready() const noexcept {
    return state_ == State::kReady || (state_ == State::kHeld && held_ready_);
  }
  /// What users are shown.
  [[nodiscard]] State shown_state() const noexcept { return attached_ ? State::kHeld : state_; }
  /// Who holds it, in its place or with a debugger: a process, or -1.
  [[nodiscard]] pid_t held_by() const noexcept { return held_by_; }
  [[nodiscard]] bool gone() const noexcept { return !has_process(state_) && state_ != State::kHeld; }
  [[nodiscard]] bool wanted() const noexcept { return want_ == Want::kUp || want_ == Want::kHeld; }
  /// Nobody has wanted anything of it yet: the start order decides.
  [[nodiscard]] bool untouched() const noexcept { return want_ == Want::kNothing; }
  /// Somebody wanted it down: the start neither waits for it nor starts it.
  [[nodiscard]] bool stopped_by_hand() const noexcept { return want_ == Want::kDown; }
  /// It dies all the time, and is tried at long intervals only.
  [[nodiscard]] bool degraded() const noexcept { return policy_.degraded(); }
  [[nodiscard]] pid_t pid() const noexcept { return state_ == State::kHeld ? held_pid_ : pid_; }
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::uint32_t restarts() const noexcept { return restarts_; }
  [[nodiscard]] std::uint32_t failed_starts() const noexcept { return failed_starts_; }
  /// After a start that failed it must be ready for a while to count as well; kNever: it is not ready.
  [[nodiscard]] Nanos well_at() const noexcept;
  [[nodiscard]] bool is_well(Nanos now) const noexcept { return well_at() <= now; }
  [[nodiscard]] int last_exit() const noexcept { return last_exit_; }
  [[nodiscard]] const std::string& last_error() const noexcept { return last_error_; }
  /// What its newest process said: what it gave up (core/stage/sandbox.hpp), what it does.
  [[nodiscard]] const std::string& sandbox() const noexcept { return sandbox_; }
  [[nodiscard]] const std::string& status_text() const noexcept { return status_text_; }
  [[nodiscard]] Nanos started_at() const noexcept { return started_at_; }
  [[nodiscard]] Nanos ready_at() const noexcept { return ready_at_; }
  [[nodiscard]] const Launcher& launcher() const noexcept { return *launcher_; }
  [[nodiscard]] bool owns(pid_t pid) const noexcept { return pid_ > 0 && pid == pid_; }

  [[nodiscard]] Nanos next_deadline() const noexcept;
  void on_time(Nanos now);
  /// Collects the process if it has ended (also called for SIGCHLD).
  void check_exit();

 private:
  enum class Want { kNothing, kDown, kUp, kHeld };
  struct Pipes;

  // program.cpp: what happens
  void feed(Event event, const std::string& note = {});
  void act(Action action, State from);
  void end_with(StopSteps steps, std::size_t first);
  void escalate();
  void settle();
  [[nodiscard]] std::string deadline_note() const;
  bool take_for_waiter();  // program_hold.cpp
  // program_process.cpp: its process
  void begin_start();
  bool spawn_next(bool begin);  // false: it failed, and was told
  void spawn(const Launch& launch);
  void watch_process();
  void continue_start();
  void read_ready();
  void told(std::string_view line);
  bool read_output();
  void on_pidfd();
  void recheck(Nanos now);
  void ended(ExitStatus status);
  void check_group();
  void close_process();
  void start_failed(const std::string& why, int exit_code);
  void probe(Nanos now);

  std::string name_;
  std::unique_ptr<Launcher> launcher_;
  ProcessSys* sys_;
  stage::EventLoop* loop_;
  const Clock* clock_;
  ProgramHost* host_;
  RestartPolicy policy_;
  State state_ = State::kDown;
  Want want_ = Want::kNothing;
  std::uint64_t moves_ = 0;  // transitions so far
  pid_t pid_ = -1;
  pid_t held_by_ = -1, held_pid_ = -1, waiter_ = -1;  // who; in its place, once known; who takes the next
  std::uint64_t held_start_ = 0;                      // its start time
  bool held_ready_ = false, attached_ = false;
  std::unique_ptr<Pipes> pipes_;
  Launch launch_;
  std::uint32_t generation_ = 0, restarts_ = 0, failed_starts_ = 0;
  int last_exit_ = 0;
  std::string last_error_, sandbox_, status_text_, probe_error_;
  /// What follows when nothing of the group is left.
  struct Outcome {
    Event event = Event::kExit;
    std::string note;
  };
  Outcome outcome_;
  pid_t group_ = -1;                           // of the ended process, until it is empty
  bool was_ready_ = false, hopeless_ = false;  // this process; no other will do better
  Nanos ready_for_ = 0;                        // the process that ended
  StopSteps steps_;                            // how this process is being ended
  std::size_t next_step_ = 0;
  bool asked_ = false;  // it was sent a signal
  Nanos started_at_ = 0, ready_at_ = 0, recheck_after_ = 0;
  Nanos deadline_ = kNever;                        // of the state
  Nanos probe_at_ = kNever, recheck_at_ = kNever;  // one that a debugger holds, a group that is not empty
};

}  // namespace prot::supervisor
