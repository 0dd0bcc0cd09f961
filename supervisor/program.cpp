#include "program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.hpp"

namespace prot::supervisor {
namespace {

constexpr Nanos kRecheck = 100 * kMillisecond;
constexpr Nanos kKillAgain = kSecond;
constexpr int kOutputPipe = 256 * 1024;
constexpr int kReadyFd = 3;  // in the child
constexpr std::size_t kMostPerRead = 64 * 1024;

struct Ends {
  UniqueFd read;
  UniqueFd write;
};

Ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw errno_error("cannot make a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string describe(const ExitStatus& status) {
  if (!status.by_signal()) return fmt::format("ended with code {}", status.code);
  const char* name = ::sigabbrev_np(-status.code);
  return name != nullptr ? fmt::format("was killed by SIG{}", name)
                         : fmt::format("was killed by signal {}", -status.code);
}

}  // namespace

/// The descriptors of the process that runs now, with their watches.
struct Program::Pipes {
  Pipes(stage::EventLoop& event_loop, Spawned started) : loop(event_loop), spawned(std::move(started)) {}
  ~Pipes() {
    for (const int id : watches) loop.unwatch(id);
  }
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  stage::EventLoop& loop;
  Spawned spawned;
  UniqueFd ready;
  UniqueFd output;
  std::vector<stage::EventLoop::WatchId> watches;
  stage::EventLoop::WatchId exit_watch = 0;
  stage::EventLoop::WatchId ready_watch = 0;
  std::string ready_text;
};

Program::Program(std::string name, std::unique_ptr<Launcher> launcher, ProcessSys& sys,
                 stage::EventLoop& loop, const Clock& clock, ProgramHost& host)
    : name_(std::move(name)),
      launcher_(std::move(launcher)),
      sys_(&sys),
      loop_(&loop),
      clock_(&clock),
      host_(&host),
      policy_(static_cast<std::uint64_t>(clock.now()) ^ std::hash<std::string>{}(name_)) {}

Program::~Program() = default;

void Program::start() {
  want_ = Want::kUp;
  feed(Event::kStart);
}

void Program::stop() {
  want_ = Want::kDown;
  feed(Event::kStop);
}

void Program::restart() {
  policy_.reset();
  want_ = Want::kUp;
  if (has_process(state_)) {
    feed(Event::kStop);
  } else {
    feed(Event::kStart);
  }
}

void Program::hold(pid_t pid) {
  want_ = Want::kHeld;
  held_by_ = pid;
  held_start_ = sys_->start_time(pid);
  feed(Event::kHold);
}

void Program::release() {
  // Its connection is gone; so must it be before a successor attaches, also if it is stopped.
  if (state_ == State::kHeld && held_start_ != 0 && sys_->start_time(held_by_) == held_start_)
    sys_->signal_process(held_by_, SIGKILL);
  if (want_ == Want::kHeld) want_ = Want::kUp;
  held_by_ = -1;
  feed(Event::kRelease);
}

void Program::kill() {
  if (pid_ > 0) sys_->signal_group(pid_, SIGKILL);
  if (state_ == State::kHeld && held_by_ > 0) sys_->signal_process(held_by_, SIGKILL);  // not a child of ours
}

void Program::hung() { feed(Event::kHung, name_ + " makes no progress: killed"); }

void Program::abandon() {
  want_ = Want::kDown;
  if (!has_process(state_)) feed(Event::kStop);
}

void Program::feed(Event event, const std::string& note) {
  const Transition& step = transition(state_, event);
  if (step.action == Action::kIgnore) return;
  const State from = state_;
  state_ = step.next;
  if (state_ != from) deadline_ = kNever;
  act(step.action, from);
  if (state_ != from || !note.empty()) host_->on_state(*this, note);
}

void Program::act(Action action, State from) {
  const Nanos now = clock_->now();
  switch (action) {
    case Action::kIgnore:
      break;
    case Action::kSpawn:
      begin_start();
      break;
    case Action::kAnnounce:
      ready_at_ = now;
      probe_at_ = kNever;
      failed_starts_ = 0;
      break;
    case Action::kRetry: {
      ++restarts_;
      if (from == State::kStarting) ++failed_starts_;
      deadline_ = now + policy_.on_death(from == State::kReady ? now - ready_at_ : 0);
      break;
    }
    case Action::kGiveUp:
      ++failed_starts_;
      break;
    case Action::kTerminate:
      // A stage that still loads does not listen yet, and has taken nothing.
      sys_->signal_group(pid_, from == State::kStarting && launcher_->has_heartbeat() ? SIGKILL
                               : launch_.helper                                       ? SIGTERM
                                                : launcher_->stop_signal());
      sys_->signal_group(pid_, SIGCONT);
      deadline_ = now + launcher_->stop_grace();
      break;
    case Action::kKill:
      sys_->signal_group(pid_, SIGKILL);
      deadline_ = now + kKillAgain;
      break;
    case Action::kSettle:
      settle();
      break;
    case Action::kHold:
      ++generation_;
      ready_at_ = started_at_ = now;
      host_->on_generation(*this);
      break;
    case Action::kFinish:
      want_ = Want::kDown;
      break;
  }
}

// The state is DOWN and no process is left: go where the user wants it.
void Program::settle() {
  if (want_ == Want::kUp && !host_->draining()) feed(Event::kStart);
  if (want_ == Want::kHeld) feed(Event::kHold);
}

void Program::begin_start() {
  started_at_ = clock_->now();
  deadline_ = started_at_ + launcher_->start_deadline();
  ++generation_;
  try {
    spawn(launcher_->next(true, generation_));
  } catch (const Error& e) {
    start_failed(e.what(), e.exit_code());
  }
}

void Program::continue_start() {
  try {
    spawn(launcher_->next(false, generation_));
  } catch (const Error& e) {
    start_failed(e.what(), e.exit_code());
  }
}

void Program::start_failed(const std::string& why, int exit_code) {
  close_process();
  last_error_ = why;
  last_exit_ = exit_code;
  feed(exit_code == 2 ? Event::kConfigExit : Event::kExit, name_ + ": " + why);
}

void Program::spawn(const Launch& launch) {
  launch_ = launch;
  if (!launch.helper) host_->on_generation(*this);
  Ends output = make_pipe();
  (void)::fcntl(output.write.get(), F_SETPIPE_SZ, kOutputPipe);
  Ends ready = make_pipe();
  UniqueFd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!launch.input.empty()) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error("cannot make a pipe");
    input.reset(ends[0]);
    const UniqueFd writer(ends[1]);
    if (::write(writer.get(), launch.input.data(), launch.input.size()) < 0)
      throw errno_error("cannot write to a pipe");
  }
  SpawnRequest request = launch.request;
  request.files.insert(request.files.begin(),
                       {{input.get(), 0}, {output.write.get(), 1}, {output.write.get(), 2}});
  if (!launch.helper && launcher_->says_ready()) request.files.emplace_back(ready.write.get(), kReadyFd);

  pipes_ = std::make_unique<Pipes>(*loop_, sys_->spawn(request));
  pid_ = pipes_->spawned.pid;
  pipes_->output = std::move(output.read);
  pipes_->ready = std::move(ready.read);
  pipes_->exit_watch = loop_->watch_readable(pipes_->spawned.pidfd.get(), [this] { check_exit(); });
  pipes_->watches.push_back(pipes_->exit_watch);
  pipes_->watches.push_back(loop_->watch_readable(pipes_->output.get(), [this] { read_output(); }));
  if (!launch.helper && launcher_->says_ready()) {
    pipes_->ready_watch = loop_->watch_readable(pipes_->ready.get(), [this] { read_ready(); });
    pipes_->watches.push_back(pipes_->ready_watch);
  }
  if (!launch.helper && !launcher_->says_ready()) probe_at_ = clock_->now() + launcher_->probe_interval();
  if (!launch.helper) host_->on_state(*this, {});
}

void Program::read_ready() {
  std::array<char, 256> buffer;
  const ssize_t n = ::read(pipes_->ready.get(), buffer.data(), buffer.size());
  if (n < 0) return;  // EAGAIN: nothing yet
  if (n > 0) pipes_->ready_text.append(buffer.data(), static_cast<std::size_t>(n));
  const bool ready = pipes_->ready_text.find("READY=1\n") != std::string::npos;
  if (n == 0 || ready || pipes_->ready_text.size() > 4096) {
    loop_->unwatch(pipes_->ready_watch);  // end of file without READY: the start deadline decides
    pipes_->ready_watch = 0;
  }
  if (ready) feed(Event::kReady);
}

void Program::read_output() {
  std::array<char, 16 * 1024> buffer;
  std::size_t total = 0;
  while (total < kMostPerRead) {
    const ssize_t n = ::read(pipes_->output.get(), buffer.data(), buffer.size());
    if (n <= 0) {
      if (n == 0) loop_->unwatch(pipes_->watches[1]);
      return;
    }
    total += static_cast<std::size_t>(n);
    host_->on_output(*this, {buffer.data(), static_cast<std::size_t>(n)});
  }
}

void Program::check_exit() {
  if (pid_ <= 0) return;
  ExitStatus status;
  if (!sys_->reap(pid_, status)) {
    // A debugger may hold the dead process: its pidfd stays readable, so look by timer instead of spinning.
    if (pipes_ != nullptr && pipes_->exit_watch != 0 && sys_->is_traced(pid_)) {
      loop_->unwatch(pipes_->exit_watch);
      pipes_->exit_watch = 0;
      recheck_at_ = clock_->now() + kRecheck;
    }
    return;
  }
  ended(status);
}

void Program::ended(const ExitStatus& status) {
  if (pipes_->ready_watch != 0) read_ready();  // READY and death may come in one turn of the loop
  read_output();
  std::string why = describe(status);
  std::array<char, 256> text;
  const ssize_t n = ::read(pipes_->spawned.exec_error.get(), text.data(), text.size());
  const bool not_executed = n > 0;
  if (not_executed) why = "cannot be started: " + std::string(text.data(), static_cast<std::size_t>(n));
  const pid_t pid = pid_;
  sys_->signal_group(pid, SIGKILL);  // what it left behind in its group
  const bool helper = launch_.helper;
  const std::string who = helper ? name_ + ": " + launch_.what : name_;
  close_process();
  last_exit_ = status.code;
  last_error_ = why;
  if (helper && status.code == 0 && state_ == State::kStarting) return continue_start();
  host_->on_death(*this, status);
  const bool config = not_executed || (launcher_->exit_code_names_config() && !helper &&
                                       (status.code == 2 || status.code == 78));
  if (state_ != State::kStopping && !not_executed && status.code == 0 && host_->draining())
    feed(Event::kDrained);
  else if (state_ == State::kStarting && config)
    feed(Event::kConfigExit, who + " " + why);
  else
    feed(Event::kExit, state_ == State::kStopping ? std::string() : who + " " + why);
}

void Program::close_process() {
  pipes_.reset();
  pid_ = -1;
  probe_at_ = recheck_at_ = kNever;
}

void Program::probe(Nanos now) {
  try {
    if (launcher_->probe(now) == Probe::kReady) return feed(Event::kReady);
    probe_at_ = now + launcher_->probe_interval();
  } catch (const Error& e) {
    last_error_ = e.what();
    probe_at_ = kNever;
    deadline_ = now;  // kills it; the back-off follows
    host_->on_state(*this, name_ + ": " + e.what());
  }
}

Nanos Program::next_deadline() const noexcept { return std::min({deadline_, probe_at_, recheck_at_}); }

void Program::on_time(Nanos now) {
  if (recheck_at_ <= now) {
    recheck_at_ = now + kRecheck;
    check_exit();
  }
  if (probe_at_ <= now && state_ == State::kStarting) probe(now);
  if (deadline_ > now) return;
  deadline_ = kNever;
  std::string note;
  if (state_ == State::kStarting)
    note = fmt::format("{} is not ready after {} s: killed", name_, launcher_->start_deadline() / kSecond);
  if (state_ == State::kStopping) note = name_ + " does not end: killed";
  feed(Event::kDeadline, note);
}

}  // namespace prot::supervisor
