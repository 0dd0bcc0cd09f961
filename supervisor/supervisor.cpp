#include "supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/ownership.hpp"
#include "base/pipe.hpp"
#include "posix_process_sys.hpp"
#include "reload.hpp"
#include "state_folder.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
constexpr Nanos kReloadAtMost = 30 * kSecond;  // a part that stays down is degraded, not reloading

/// Throws Error when another supervisor has it.
UniqueFd lock_file(const std::filesystem::path& file, const std::string& instance) {
  UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) throw errno_error("cannot open " + file.string());
  // A supervisor that was killed just now lets go of its lock only when the kernel is done with it.
  bool taken = false;
  for (int tries = 0; !taken && tries < 50; ++tries) {
    taken = ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
    if (!taken && errno != EWOULDBLOCK && errno != EINTR) throw errno_error("cannot lock " + file.string());
    if (!taken) ::usleep(10'000);
  }
  if (!taken) {
    char text[32] = {};
    const ssize_t n = ::pread(lock.get(), text, sizeof(text) - 1, 0);
    throw already_running(instance, n > 0 ? std::atol(text) : 0);
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // Best effort: on a full disk whoever comes second is told no pid.
  if (::ftruncate(lock.get(), 0) == 0) (void)!::pwrite(lock.get(), pid.data(), pid.size(), 0);
  return lock;
}
void require_own_runtime(const std::filesystem::path& folder) {
  try {
    require_own_way(folder);
  } catch (const Untrusted& error) {
    throw Untrusted(
        fmt::format("{}: the runtime folder must be in folders that only you may change (set "
                    "XDG_RUNTIME_DIR to one)",
                    error.what()));
  }
}
/// Throws Error (unknown stage) for a name that is not among `known`.
void check_names(const std::vector<std::string>& names, const std::vector<std::string>& known) {
  for (const std::string& name : names)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Error(fmt::format("there is no stage '{}'; there are: {}", name, fmt::join(known, " ")),
                  kControlUnknownStage);
}
}  // namespace

Supervisor::Supervisor(UpOptions options, ProcessSys& sys, const Clock& clock, UpObserver observer)
    : observer_(std::move(observer)), instance_(sys, clock) {
  instance_.run.paths = instance_paths(options.instance);
  instance_.run.sources = std::move(options.sources);
  Configuration loaded = load_configuration(instance_.run.sources, instance_.run.environment);
  instance_.run.environment.apply(loaded.env_file, loaded.config);
  instance_.run.config = std::move(loaded.config);
  instance_.run.env_file = std::move(loaded.env_file);
  if (!instance_.run.env_file.path.empty())
    say("names of the environment from " + instance_.run.env_file.path);
  for (const std::string& line : loaded.warnings) say(line);
  if (!loaded.choice_note.empty()) say(loaded.choice_note);
  if (!loaded.unused.empty()) say(fmt::format("nothing uses yet: {}", fmt::join(loaded.unused, ", ")));
  check_names(options.only, programs_of(instance_.run.config));
  open_instance(options.detached);
  leave_down(options.only);
}

Supervisor::~Supervisor() = default;

void Supervisor::take_locks() {
  const InstancePaths& paths = instance_.run.paths;
  lock_ = lock_file(paths.runtime / "lock", paths.instance);
  state_lock_ = lock_file(paths.state / "lock", paths.instance);  // sessions may differ in the runtime folder
}

void Supervisor::open_instance(bool detached) {
  // The database's user must reach its socket and its cluster below these folders.
  const unsigned mode = ::geteuid() == 0 ? 0711 : 0700;
  const std::filesystem::path base = instance_.run.paths.runtime.parent_path().parent_path();
  // Nothing is made in a folder of somebody else, where it would be in their way.
  require_own_runtime(base);
  const char* given = std::getenv("XDG_RUNTIME_DIR");
  std::error_code error;
  if (given == nullptr || given[0] != '/' || !std::filesystem::exists(base, error))
    make_private_directory(base, mode);
  make_private_directory(instance_.run.paths.runtime.parent_path(), mode);
  make_private_directory(instance_.run.paths.runtime, mode);
  require_own_runtime(instance_.run.paths.runtime);  // else nobody would ask who listens there
  make_private_directory(instance_.run.paths.state, mode);
  take_locks();
  for (const std::string& line : prepare_state(instance_.run.paths)) say(line);
  const StaleRuns stale = clear_stale_runs(instance_.run.paths, instance_.sys);
  for (const std::string& line : stale.warnings) say(line);
  if (stale.runs > 0)
    say(fmt::format("an earlier run ended hard: {} frames of its turns saved, {} processes ended",
                    stale.frames_saved, stale.processes_killed));

  children_before_ = own_children();  // of whoever became this process
  become_subreaper();
  keep_rings_out_of_cores();
  instance_.run.run_id = new_run_id();
  Pipe lifeline = make_pipe();
  instance_.run.lifeline_read = std::move(lifeline.read);
  instance_.run.lifeline_write = std::move(lifeline.write);
  for (const std::string_view stage : wire::kDrainOrder)
    instance_.run.bells.emplace(stage, ipc::Doorbell::create());
  if (instance_.run.config.get_bool("web.enabled"))
    instance_.run.bells.emplace("web", ipc::Doorbell::create());
  open_logs(detached);
  if (!detached) watch_terminal();
  watch_signals();
  desk_.open((instance_.run.paths.runtime / "control.sock").string());
  for (const std::string& name : programs_of(instance_.run.config))
    instance_.programs.push_back(std::make_unique<Program>(name, make_launcher(name, instance_.run),
                                                           instance_.sys, instance_.loop, instance_.clock,
                                                           static_cast<ProgramHost&>(*this)));
  instance_.segments.emplace(instance_.run.paths.instance, instance_.run.run_id);
  KeptFiles dead_letters;
  dead_letters.most = static_cast<std::size_t>(instance_.run.config.get_int("general.dead_letters"));
  dead_letters.age = instance_.run.config.get_int("general.dead_letter_days") * 86'400 * kSecond;
  instance_.poison.emplace(instance_.segments->rings(), instance_.run.paths.state / "dead-letters",
                           instance_.run.run_id, dead_letters);
  instance_.crashes.emplace(instance_.segments->rings(), *instance_.logs,
                            instance_.run.paths.state / "crashes", instance_.run.run_id, instance_.clock);
  ipc::SupervisorPage& page = instance_.segments->board().supervisor();
  page.pid.store(static_cast<std::uint64_t>(::getpid()));
  page.start_time.store(instance_.sys.start_time(::getpid()));
  page.started_wall_ns.store(static_cast<std::uint64_t>(wall_now()));
  page.heartbeat_ns.store(static_cast<std::uint64_t>(instance_.clock.now()));
  for (const std::string_view stage : wire::kDrainOrder)
    if (instance_.find(stage) == nullptr) instance_.segments->set_closed(stage, true);
}

// As if somebody had stopped them: nothing waits for them, and prot start starts them.
void Supervisor::leave_down(const std::vector<std::string>& only) {
  if (only.empty()) return;
  for (const auto& program : instance_.programs)
    if (std::find(only.begin(), only.end(), program->name()) == only.end()) program->stop();
}

void Supervisor::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw errno_error("cannot block signals");
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) throw errno_error("cannot ignore SIGPIPE");
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw errno_error("cannot make a signalfd");
  instance_.loop.watch_readable(signals_.get(), [this] {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (info.ssi_signo == SIGHUP) {
        hang_up();
      } else if (info.ssi_signo != SIGCHLD) {
        ask_to_stop();
      }
    for (const auto& program : instance_.programs) program->check_exit();
    reap_orphans([this](pid_t pid) {
      return std::any_of(instance_.programs.begin(), instance_.programs.end(),
                         [&](const auto& p) { return p->owns(pid); });
    });
  });
}

// The terminal that may go away: the session's own, or one that a standard descriptor is. With nohup none.
void Supervisor::watch_terminal() {
  struct sigaction hangup {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler == SIG_IGN) return;
  terminals_[0].reset(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::isatty(fd) != 0)
      terminals_.at(static_cast<std::size_t>(fd) + 1).reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

bool Supervisor::terminal_gone() const {
  return std::any_of(terminals_.begin(), terminals_.end(), [](const UniqueFd& fd) {
    pollfd terminal{fd.get(), 0, 0};
    return fd && ::poll(&terminal, 1, 0) > 0 && (terminal.revents & (POLLHUP | POLLERR)) != 0;
  });
}

// SIGHUP: the configuration is read again, unless it is the terminal that went away.
void Supervisor::hang_up() {
  if (terminal_gone()) return ask_to_stop();
  reload_asked_ = true;
  const std::string why = reload_obstacle(instance_);
  if (!why.empty() && instance_.phase <= Phase::kRunning) say("reload put off: " + why);
}

void Supervisor::reload_if_asked() {
  const bool stopping = instance_.phase >= Phase::kDraining;
  if (!reload_asked_ || (!stopping && !reload_obstacle(instance_).empty())) return;
  reload_asked_ = false;
  try {
    const ReloadOutcome outcome = reload(instance_, "");
    for (const std::string& line : outcome.report()) say(line);
  } catch (const stage::ConfigError& e) {
    for (const std::string& line : e.lines()) say("not reloaded: " + line);
  } catch (const Error& e) {
    say(fmt::format("not reloaded: {}", e.what()));
  }
}

int Supervisor::run() {
  watchdog_.begin(instance_.clock.now());
  say(fmt::format("starting instance '{}' (run {})", instance_.run.paths.instance, instance_.run.run_id));
  start_what_can();
  while (instance_.phase != Phase::kEnded) {
    instance_.loop.wait(next_deadline());
    const Nanos now = instance_.clock.now();
    for (const auto& program : instance_.programs) program->on_time(now);
    if (instance_.phase == Phase::kDraining) drain_.on_time(now);
    watchdog_.on_time(now);
    if (const std::string line = settle_reload(instance_); !line.empty()) say(line);
    check_phase();
    desk_.answer_waiters(now);
    reload_if_asked();
    tell_service(now);
    instance_.logs->retry();
    report_crashes();  // after the restart
  }
  finish_run();
  return exit_code_;
}

Nanos Supervisor::next_deadline() const {
  Nanos next = std::min({watchdog_.next_deadline(), drain_.next_deadline(), desk_.next_deadline(),
                         service_.next_deadline(), report_at_, reload_ends_at_});
  if (instance_.run.replaced) next = std::min(next, instance_.run.replaced->until);
  for (const auto& program : instance_.programs) {
    next = std::min(next, program->next_deadline());
    if (instance_.phase == Phase::kStarting && !is_optional(program->name()) &&
        !program->is_well(instance_.clock.now()))
      next = std::min(next, program->well_at());
  }
  return next;
}

void Supervisor::tell_service(Nanos now) {
  if (instance_.reloads != reloads_told_) {
    reloads_told_ = instance_.reloads;
    if (instance_.phase == Phase::kRunning) {
      service_.reloading(now);
      reload_ends_at_ = now + kReloadAtMost;
    }
  }
  if (reload_ends_at_ != kNever && (instance_.all_ready() || reload_ends_at_ <= now)) {
    service_.ready();
    reload_ends_at_ = kNever;
  }
  if (instance_.phase <= Phase::kRunning) {  // from then on say() tells it
    const std::string missing = instance_.missing();
    service_.status(missing.empty() ? instance_.state_name()
                                    : fmt::format("{}: {}", instance_.state_name(), missing));
  }
  service_.on_time(now);
}

void Supervisor::start_what_can() {
  for (const auto& program : instance_.programs) {
    if (!program->untouched()) continue;
    const auto needs = start_dependencies(program->name());
    const bool can = std::all_of(needs.begin(), needs.end(), [this](const std::string& name) {
      const Program* needed = instance_.find(name);
      return needed == nullptr || needed->ready() || needed->stopped_by_hand();
    });
    if (can && instance_.phase == Phase::kStarting) program->start();
  }
}

void Supervisor::fail_start(const std::string& why, int exit_code) {
  if (instance_.phase != Phase::kStarting) return;
  failure_ = why;
  exit_code_ = exit_code;
  say("cannot start: " + why);
  instance_.phase = Phase::kStopping;  // nothing was said yet: there is nothing to drain
  service_.stopping();
  service_.status("cannot start: " + why);
  for (const auto& program : instance_.programs) {
    if (!wire::is_stage(program->name())) continue;
    program->stop();
    // Nobody waits for a developer's process; the end of its connection gives the place back.
    if (program->state() == State::kHeld && !desk_.leases().has(program->name())) program->kill();
  }
}

void Supervisor::check_phase() {
  if (instance_.phase == Phase::kStarting) {
    start_what_can();
    const auto& programs = instance_.programs;
    for (const auto& program : programs) program->check_exit();  // one may just have died
    const Nanos now = instance_.clock.now();
    if (instance_.phase == Phase::kStarting &&
        std::all_of(programs.begin(), programs.end(), [now](const auto& p) {
          return p->is_well(now) || p->stopped_by_hand() || is_optional(p->name());
        })) {
      instance_.phase = Phase::kRunning;
      say(fmt::format("ready in {} ms", (instance_.clock.now() - instance_.begun_at) / kMillisecond));
      service_.ready();
      if (observer_.on_ready) observer_.on_ready();
    }
  }
  if (instance_.phase == Phase::kDraining && drain_.finished()) instance_.phase = Phase::kStopping;
  if (instance_.phase == Phase::kStopping) {
    stop_externals();
    report_externals(instance_.clock.now());
  }
}

void Supervisor::record_pids() {
  std::vector<pid_t> pids;
  for (const auto& program : instance_.programs)
    if (has_process(program->state()) && program->pid() > 0) pids.push_back(program->pid());
  try {
    write_pids(instance_.run.paths, pids, instance_.sys);
    pids_failed_ = false;
  } catch (const Error& e) {
    if (!std::exchange(pids_failed_, true)) say(e.what());
  }
}

}  // namespace prot::supervisor
