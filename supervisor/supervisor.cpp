#include "supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "base/log.hpp"
#include "posix_process_sys.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

constexpr Nanos kScanEvery = 500 * kMillisecond;
constexpr Nanos kHungAwake = 5 * kSecond;
constexpr Nanos kHungAsleep = 15 * kSecond;  // stopped from outside, with frames waiting
constexpr Nanos kOverslept = 2 * kSecond;

}  // namespace

Supervisor::Supervisor(UpOptions options, ProcessSys& sys, const Clock& clock, UpObserver observer)
    : sys_(&sys), clock_(&clock), observer_(std::move(observer)), begun_at_(clock.now()) {
  run_.paths = instance_paths(options.instance);
  run_.config_file = options.config_file.empty() ? run_.paths.config.string() : options.config_file;
  run_.overrides = std::move(options.overrides);
  run_.config = stage::Config::load(run_.config_file, run_.overrides);
  open_instance();
}

Supervisor::~Supervisor() = default;

void Supervisor::take_lock() {
  const std::filesystem::path file = run_.paths.runtime / "lock";
  lock_.reset(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) throw errno_error("cannot open " + file.string());
  // A supervisor that was killed just now lets go of its lock only when the kernel is done with it.
  bool taken = false;
  for (int tries = 0; !taken && tries < 50; ++tries) {
    taken = ::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0;
    if (!taken) ::usleep(10'000);
  }
  if (!taken) {
    char text[32] = {};
    const ssize_t n = ::pread(lock_.get(), text, sizeof(text) - 1, 0);
    const long pid = n > 0 ? std::atol(text) : 0;
    throw Error(fmt::format("instance '{}' is already running (pid {})", run_.paths.instance, pid));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_.get(), 0) != 0 ||
      ::pwrite(lock_.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    throw errno_error("cannot write " + file.string());
}

void Supervisor::open_instance() {
  // The database's user must reach its socket and its cluster below these folders.
  const unsigned mode = ::geteuid() == 0 ? 0711 : 0700;
  if (std::getenv("XDG_RUNTIME_DIR") == nullptr)
    make_private_directory(run_.paths.runtime.parent_path().parent_path(), mode);
  make_private_directory(run_.paths.runtime.parent_path(), mode);
  make_private_directory(run_.paths.runtime, mode);
  make_private_directory(run_.paths.state, mode);
  take_lock();
  const StaleRuns stale = clear_stale_runs(run_.paths, *sys_);
  if (stale.runs > 0)
    say(fmt::format("an earlier run ended hard: {} frames of its turns saved, {} processes ended",
                    stale.frames_saved, stale.processes_killed));

  become_subreaper();
  run_.run_id = new_run_id();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error("cannot make a pipe");
  run_.lifeline_read.reset(ends[0]);
  run_.lifeline_write.reset(ends[1]);
  for (const std::string_view stage : wire::kDrainOrder) run_.bells.emplace(stage, ipc::Doorbell::create());
  logs_.emplace(run_.paths.state / "log", *clock_);
  logs_->set_follower(
      [this](const std::string& program, const std::string& line) { on_line(program, line); });
  watch_signals();
  control_ = std::make_unique<ControlServer>(
      (run_.paths.runtime / "control.sock").string(), loop_,
      [this](const auto& client, const std::string& request) { handle(client, request); });
  for (const std::string& name : programs_of(run_.config))
    programs_.push_back(std::make_unique<Program>(name, make_launcher(name, run_), *sys_, loop_, *clock_,
                                                  static_cast<ProgramHost&>(*this)));
  segments_.emplace(run_.paths.instance, run_.run_id);
  poison_.emplace(segments_->rings(), run_.paths.state / "dead-letters", run_.run_id);
  ipc::SupervisorPage& page = segments_->board().supervisor();
  page.pid.store(static_cast<std::uint64_t>(::getpid()));
  page.start_time.store(sys_->start_time(::getpid()));
  page.started_wall_ns.store(static_cast<std::uint64_t>(wall_now()));
  page.heartbeat_ns.store(static_cast<std::uint64_t>(clock_->now()));
  for (const std::string_view stage : wire::kDrainOrder)
    if (find(stage) == nullptr) segments_->set_closed(stage, true);
}

void Supervisor::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw errno_error("cannot block signals");
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) throw errno_error("cannot ignore SIGPIPE");
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw errno_error("cannot make a signalfd");
  loop_.watch_readable(signals_.get(), [this] {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (info.ssi_signo != SIGCHLD) ask_to_stop();
    for (const auto& program : programs_) program->check_exit();
    reap_orphans([this](pid_t pid) {
      return std::any_of(programs_.begin(), programs_.end(), [&](const auto& p) { return p->owns(pid); });
    });
  });
}

int Supervisor::run() {
  last_scan_ = clock_->now();
  say(fmt::format("starting instance '{}' (run {})", run_.paths.instance, run_.run_id));
  start_what_can();
  while (phase_ != Phase::kEnded) {
    loop_.wait(next_deadline());
    const Nanos now = clock_->now();
    for (const auto& program : programs_) program->on_time(now);
    if (phase_ == Phase::kDraining) drain_.on_time(now);
    if (now - last_scan_ >= kScanEvery) scan_heartbeats(now);
    check_phase();
    answer_waiters(now);
  }
  finish_run();
  return exit_code_;
}

Nanos Supervisor::next_deadline() const {
  Nanos next = std::min(last_scan_ + kScanEvery, drain_.next_deadline());
  for (const auto& program : programs_) next = std::min(next, program->next_deadline());
  for (const Waiter& waiter : waiters_) next = std::min(next, waiter.deadline);
  return next;
}

void Supervisor::start_what_can() {
  for (const auto& program : programs_) {
    if (program->wanted() || program->state() != State::kDown) continue;
    const auto needs = start_dependencies(program->name());
    const bool can = std::all_of(needs.begin(), needs.end(), [this](const std::string& name) {
      const Program* needed = find(name);
      return needed == nullptr || needed->ready();
    });
    if (can && phase_ == Phase::kStarting) program->start();
  }
}

void Supervisor::fail_start(const std::string& why, int exit_code) {
  if (phase_ != Phase::kStarting) return;
  failure_ = why;
  exit_code_ = exit_code;
  say("cannot start: " + why);
  phase_ = Phase::kStopping;  // nothing was said yet: there is nothing to drain
  for (const auto& program : programs_)
    if (wire::is_stage(program->name())) program->stop();
}

void Supervisor::check_phase() {
  if (phase_ == Phase::kStarting) {
    start_what_can();
    if (all_ready()) {
      phase_ = Phase::kRunning;
      say(fmt::format("ready in {} ms", (clock_->now() - begun_at_) / kMillisecond));
      if (observer_.on_ready) observer_.on_ready();
    }
  }
  if (phase_ == Phase::kDraining && drain_.finished()) phase_ = Phase::kStopping;
  if (phase_ == Phase::kStopping) stop_externals();
}

// After the stages: the model server, and the database last.
void Supervisor::stop_externals() {
  for (const auto& program : programs_)
    if (wire::is_stage(program->name()) && !program->gone()) return;
  for (const char* name : {"llm", "db"}) {
    Program* program = find(name);
    if (program == nullptr || (program->gone() && !program->wanted())) continue;
    if (program->wanted()) program->stop();
    if (!program->gone()) return;
  }
  phase_ = Phase::kEnded;
}

void Supervisor::ask_to_stop() {
  ++stop_requests_;
  const Nanos now = clock_->now();
  if (stop_requests_ == 1 && phase_ <= Phase::kRunning) {
    phase_ = Phase::kDraining;
    drain_begun_at_ = now;
    say("stopping: what was said is answered and stored first (again: hurry; a third time: kill)");
    // A stage that still loads has taken nothing: nobody waits for it.
    for (const auto& program : programs_)
      if (wire::is_stage(program->name()) && program->state() == State::kStarting && program->ready_at() == 0)
        program->stop();
    drain_.begin(now, false);
  } else if (stop_requests_ == 2 && phase_ == Phase::kDraining) {
    say("hurrying: replies are cut, memories are still stored");
    drain_.press(now);
  } else if (stop_requests_ >= 3) {
    kill_everything();
  }
}

void Supervisor::kill_everything() {
  if (phase_ < Phase::kStopping) say("killing every stage");
  phase_ = Phase::kStopping;
  for (const auto& program : programs_) {
    program->stop();
    // The database's own stop is fast; it is killed only when somebody insists.
    if (program->name() != "db" || stop_requests_ > 3) program->kill();
  }
}

void Supervisor::finish_run() {
  const std::string& instance = run_.paths.instance;
  std::size_t saved = 0;
  try {
    if (segments_->ring_pending("turns"))
      saved = save_turns(ipc::segment_name(instance, run_.run_id, "turns"), run_.run_id,
                         run_.paths.state / "spool" / "brain");
    segments_->remove();
  } catch (const Error& e) {
    // The segments stay: the next start tries again.
    say(std::string("turns are not saved yet, the next start tries again: ") + e.what());
    exit_code_ = 1;
  }
  if (saved > 0) say(fmt::format("{} frames of turns are kept for the next start", saved));
  std::error_code error;
  for (const char* name : {"chat.sock", "llm.sock"})
    std::filesystem::remove(run_.paths.runtime / name, error);
  std::filesystem::remove(run_.paths.state / "pids", error);
  if (failure_.empty() && drain_begun_at_ != 0)
    say(fmt::format("stopped after {} ms", (clock_->now() - drain_begun_at_) / kMillisecond));
  control_->stop_listening();
  lock_.reset();  // whoever waits for our answer may start again at once
  for (const auto& client : down_clients_) {
    client->send(fmt::format(R"({{"ok":true,"drained":{},"deferred":{}}})", drained_, deferred_));
    client->finish();
  }
  answer_waiters(kNever - 1);
  control_->drain_connections();
}

void Supervisor::scan_heartbeats(Nanos now) {
  const bool overslept = now - last_scan_ > kOverslept;  // a suspended machine: everybody slept
  last_scan_ = now;
  segments_->board().supervisor().heartbeat_ns.store(static_cast<std::uint64_t>(now));
  if (overslept) return;
  for (const auto& program : programs_) {
    const int index = segments_->board().find(program->name());
    if (program->state() != State::kReady || !program->launcher().has_heartbeat() || index < 0) continue;
    const ipc::StagePage& page = segments_->board().stage(static_cast<std::size_t>(index));
    const auto beat = static_cast<Nanos>(page.heartbeat_ns.load());
    const Nanos age = now - std::max(beat, program->ready_at());
    const bool awake = page.asleep.load() == 0;
    const bool hung =
        awake ? age > kHungAwake : age > kHungAsleep && segments_->input_pending(program->name());
    if (hung && !sys_->is_traced(program->pid())) program->hung();
  }
}

Program* Supervisor::find(std::string_view name) const {
  for (const auto& program : programs_)
    if (program->name() == name) return program.get();
  return nullptr;
}

bool Supervisor::all_ready() const {
  return std::all_of(programs_.begin(), programs_.end(), [](const auto& p) { return p->ready(); });
}

void Supervisor::record_pids() {
  std::vector<pid_t> pids;
  for (const auto& program : programs_)
    if (has_process(program->state()) && program->pid() > 0) pids.push_back(program->pid());
  try {
    write_pids(run_.paths, pids, *sys_);
  } catch (const Error& e) {
    log_warn("{}", e.what());
  }
}

}  // namespace prot::supervisor
