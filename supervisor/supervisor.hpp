#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control_server.hpp"
#include "drain.hpp"
#include "log_store.hpp"
#include "poison.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "run_segments.hpp"
#include "stage/event_loop.hpp"

namespace prot::supervisor {

struct UpOptions {
  std::string instance;
  std::string config_file;
  std::vector<std::string> overrides;
};

/// Tells whoever started the instance how it goes. All are optional.
struct UpObserver {
  std::function<void(const std::string& line)> say;
  std::function<void()> on_ready;  // everything is ready, for the first time
  std::function<void(const std::string& program)> on_program_ready;
};

/// One running instance: its segments, its programs, its control socket. One thread, one loop; every wait is
/// the loop's. Order in a turn: what the descriptors say, then deadlines, then what follows from both.
/// Lifetime: the constructor takes the instance's lock and throws Error when it cannot run; run() returns the
/// exit code when nothing of the run is left.
class Supervisor final : private ProgramHost, private DrainHost {
 public:
  Supervisor(UpOptions options, ProcessSys& sys, const Clock& clock, UpObserver observer);
  ~Supervisor() override;
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  int run();
  /// As a signal does: first a drain, second a hurried drain, third a kill.
  void ask_to_stop();
  [[nodiscard]] stage::EventLoop& loop() noexcept { return loop_; }
  [[nodiscard]] const InstancePaths& paths() const noexcept { return run_.paths; }

 private:
  enum class Phase { kStarting, kRunning, kDraining, kStopping, kEnded };
  enum class WaitFor { kReady, kGone, kHeld, kAllReady };
  /// A client whose answer comes later.
  struct Waiter {
    std::shared_ptr<ControlServer::Connection> client;
    WaitFor what;
    std::string program;
    std::uint32_t after_generation;
    Nanos deadline;
  };

  // ProgramHost
  void on_state(Program& program, const std::string& note) override;
  void on_generation(Program& program) override;
  void on_death(Program& program, const ExitStatus& status) override;
  void on_output(Program& program, std::string_view bytes) override;
  [[nodiscard]] bool draining() const override { return phase_ >= Phase::kDraining; }
  // DrainHost
  [[nodiscard]] bool is_alive(std::string_view stage) const override;
  [[nodiscard]] bool can_start(std::string_view stage) const override;
  [[nodiscard]] bool input_pending(std::string_view stage) const override;
  [[nodiscard]] bool ring_pending(std::string_view ring) const override;
  void press(ipc::Drain how) override;
  void restart(std::string_view stage) override;
  void kill(std::string_view stage) override;
  void close(std::string_view stage) override;
  void say(const std::string& line) override;

  // supervisor.cpp: set-up, loop, start order, end
  void open_instance();
  void take_lock();
  void watch_signals();
  void start_what_can();
  void fail_start(const std::string& why, int exit_code);
  void check_phase();
  void stop_externals();
  void finish_run();
  void kill_everything();
  void scan_heartbeats(Nanos now);
  [[nodiscard]] Nanos next_deadline() const;
  [[nodiscard]] Program* find(std::string_view name) const;
  [[nodiscard]] bool all_ready() const;
  void record_pids();
  void on_line(const std::string& program, const std::string& line);

  // control_requests.cpp: what control.sock can ask for
  void handle(const std::shared_ptr<ControlServer::Connection>& client, const std::string& request);
  void handle_program(const std::shared_ptr<ControlServer::Connection>& client, const std::string& command,
                      const std::string& name);
  void handle_join(const std::shared_ptr<ControlServer::Connection>& client, Program& program);
  void handle_logs(const std::shared_ptr<ControlServer::Connection>& client, const std::string& program,
                   std::size_t lines, bool follow);
  void answer_waiters(Nanos now);
  void answer_join(Waiter& waiter);
  [[nodiscard]] std::string status() const;
  [[nodiscard]] const char* state_name() const;

  ProcessSys* sys_;
  const Clock* clock_;
  UpObserver observer_;
  stage::EventLoop loop_;
  RunContext run_;
  UniqueFd lock_;
  UniqueFd signals_;
  std::optional<RunSegments> segments_;
  std::optional<PoisonWatch> poison_;
  std::optional<LogStore> logs_;
  std::unique_ptr<ControlServer> control_;
  std::vector<std::unique_ptr<Program>> programs_;  // in start order
  std::vector<Waiter> waiters_;
  std::vector<std::shared_ptr<ControlServer::Connection>> down_clients_;
  DrainSequence drain_{*this};
  Phase phase_ = Phase::kStarting;
  int stop_requests_ = 0;
  int exit_code_ = 0;
  std::string failure_;  // why the start failed
  long drained_ = -1;    // memory's own account; -1: it gave none
  long deferred_ = -1;
  Nanos begun_at_ = 0;
  Nanos last_scan_ = 0;
  Nanos drain_begun_at_ = 0;
};

}  // namespace prot::supervisor
