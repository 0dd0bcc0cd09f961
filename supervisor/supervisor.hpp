#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control_desk.hpp"
#include "drain.hpp"
#include "instance.hpp"
#include "service_notify.hpp"
#include "watchdog.hpp"

namespace prot::supervisor {

struct UpOptions {
  std::string instance;
  ConfigRequest sources;
  bool detached = false;          // nobody reads stderr
  std::vector<std::string> only;  // the programs to start; empty: all
};

/// Tells whoever started the instance how it goes. All are optional.
struct UpObserver {
  std::function<void(const std::string& line)> say;
  std::function<void()> on_ready;  // everything is ready, for the first time
  std::function<void(const std::string& program)> on_program_ready;
};

/// One running instance: its segments, its programs, its control socket. One thread, one loop; every wait is
/// the loop's. Order in a turn: what the descriptors say, then deadlines, then what follows from both.
/// Lifetime: the constructor takes the instance's locks and throws Error when it cannot run; run() returns
/// the exit code when nothing of the run is left.
class Supervisor final : private ProgramHost, private DrainHost, private DeskHost {
 public:
  Supervisor(UpOptions options, ProcessSys& sys, const Clock& clock, UpObserver observer);
  ~Supervisor() override;
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  int run();
  /// As a signal does: first a drain, second a hurried drain, third a kill.
  void ask_to_stop() override;
  [[nodiscard]] stage::EventLoop& loop() noexcept { return instance_.loop; }
  [[nodiscard]] const InstancePaths& paths() const noexcept { return instance_.run.paths; }

 private:
  // ProgramHost
  void on_state(Program& program, const std::string& note) override;
  void on_generation(Program& program) override;
  void on_death(Program& program, const ExitStatus& status) override;
  void on_output(Program& program, std::string_view bytes) override;
  [[nodiscard]] bool draining() const override { return instance_.phase >= Phase::kDraining; }
  // DrainHost
  [[nodiscard]] bool is_alive(std::string_view stage) const override;
  [[nodiscard]] bool can_start(std::string_view stage) const override;
  [[nodiscard]] bool input_pending(std::string_view stage) const override;
  [[nodiscard]] bool ring_pending(std::string_view ring) const override;
  void press(ipc::Drain how) override;
  void restart(std::string_view stage) override;
  void kill(std::string_view stage) override;
  void close(std::string_view stage) override;
  [[nodiscard]] DrainLoad load(std::string_view stage) const override;
  [[nodiscard]] std::string left_to_do(std::string_view stage) const override;
  // DeskHost; say() is DrainHost's as well
  void hurry() override;
  void joiner_gone(const std::string& program) override;
  void show(const Program& program) override;
  void say(const std::string& line) override;

  // supervisor.cpp: set-up, loop, start order, end
  void open_instance(bool detached);
  void take_locks();
  void leave_down(const std::vector<std::string>& only);
  void watch_signals();
  void watch_terminal();
  [[nodiscard]] bool terminal_gone() const;
  void hang_up();
  void reload_if_asked();
  void start_what_can();
  void fail_start(const std::string& why, int exit_code);
  void check_phase();
  void tell_service(Nanos now);
  void stop_externals();
  void finish_run();
  void report_externals(Nanos now);
  void close_account(long saved);
  void kill_everything();
  [[nodiscard]] Nanos next_deadline() const;
  void record_pids();
  void open_logs(bool detached);
  void on_line(const LogRecord& record, const std::string& json);
  void note_crash(const Program& program, const ExitStatus& status);
  void report_crashes();

  /// This process' own lines go to the instance's log while it lives.
  struct LogObserving {
    ~LogObserving();
  };

  UpObserver observer_;
  Instance instance_;
  LogObserving observing_;
  UniqueFd lock_;
  UniqueFd state_lock_;
  std::vector<pid_t> children_before_;
  UniqueFd signals_;
  ControlDesk desk_{instance_, *this};
  Watchdog watchdog_{instance_};
  DrainSequence drain_{*this};
  ServiceNotify service_ = ServiceNotify::from_environment();
  int stop_requests_ = 0;
  int exit_code_ = 0;
  std::array<UniqueFd, 4> terminals_;  // the session's, those of descriptors 0 to 2
  std::string failure_;                // why the start failed
  DrainAccount account_;
  bool memory_lost_ = false;  // given up or killed in the drain
  Nanos report_at_ = kNever;  // while the last ones stop
  Nanos stopping_since_ = 0;
  Nanos reload_ends_at_ = kNever;  // for the service manager
  unsigned reloads_told_ = 0;
  bool reload_asked_ = false;  // by SIGHUP; it waits for what starts, and for an earlier reload
  Nanos drain_begun_at_ = 0;
  bool pids_failed_ = false;  // and it was said
};

}  // namespace prot::supervisor
