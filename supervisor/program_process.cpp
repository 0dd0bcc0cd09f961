// A program's process: start, pipes, end.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>

#include "base/error.hpp"
#include "program.hpp"
#include "program_pipes.hpp"

namespace prot::supervisor {
namespace {

constexpr Nanos kFirstRecheck = kMillisecond;
constexpr Nanos kLongestRecheck = 100 * kMillisecond;
constexpr std::size_t kMostPerRead = 64 * 1024;
constexpr int kMostLastReads = 8;               // more than a pipe holds
constexpr Nanos kAfterSilence = 2 * kSecond;    // a full machine takes its time to end a process
constexpr Nanos kLongestStart = 600 * kSecond;  // however often it asks for more

std::string describe(const ExitStatus& status) {
  if (!status.by_signal()) return fmt::format("ended with code {}", status.code);
  const char* name = ::sigabbrev_np(-status.code);
  return name != nullptr ? fmt::format("was killed by SIG{}", name)
                         : fmt::format("was killed by signal {}", -status.code);
}

int exit_code_of(const std::exception& e) {
  const auto* error = dynamic_cast<const Error*>(&e);
  return error != nullptr ? error->exit_code() : 1;
}

}  // namespace

void Program::begin_start() {
  started_at_ = clock_->now();
  deadline_ = started_at_ + launcher_->start_deadline();
  ++generation_;
  was_ready_ = false;
  sandbox_.clear();
  status_text_.clear();
  probe_error_.clear();
  hopeless_ = false;
  ready_for_ = 0;
  spawn_next(true);
}

void Program::continue_start() {
  if (spawn_next(false) && !launch_.helper) host_->on_state(*this, {});  // the program itself, after helpers
}

// Whatever goes wrong is this program's failure, not the supervisor's.
bool Program::spawn_next(bool begin) {
  try {
    spawn(launcher_->next(begin, generation_));
    return true;
  } catch (const std::exception& e) {
    start_failed(e.what(), exit_code_of(e));
    return false;
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
  asked_ = false;
  if (!launch.helper) host_->on_generation(*this);
  SpawnRequest request = launch.request;
  request.says_ready = !launch.helper && launcher_->says_ready();
  pipes_ = std::make_unique<Pipes>(*loop_, sys_->spawn(request));
  pid_ = pipes_->spawned.pid;
  if (!launch.helper && !launcher_->says_ready()) probe_at_ = clock_->now() + launcher_->probe_interval();
  try {
    watch_process();
  } catch (const std::exception& e) {  // it lives, and nobody would hear it
    last_error_ = e.what();
    asked_ = true;
    sys_->signal_group(pid_, SIGKILL);
    recheck_at_ = clock_->now() + kFirstRecheck;
  }
}

void Program::watch_process() {
  const Spawned& spawned = pipes_->spawned;
  pipes_->exit_watch = loop_->watch_readable(spawned.pidfd.get(), [this] { on_pidfd(); });
  pipes_->output_watch = loop_->watch_readable(spawned.output.get(), [this] { read_output(); });
  if (spawned.ready)
    pipes_->ready_watch = loop_->watch_readable(spawned.ready.get(), [this] { read_ready(); });
}

void Program::read_ready() {
  std::array<char, 256> buffer;
  const ssize_t n = sys_->read(pipes_->spawned.ready.get(), buffer);
  if (n < 0) return;  // nothing yet
  Pipes& pipes = *pipes_;
  const Nanos now = clock_->now();
  for (const std::string& line : pipes.ready_lines.take({buffer.data(), static_cast<std::size_t>(n)}, now)) {
    told(line);
    if (pipes_.get() != &pipes) return;  // that line ended it
  }
  if (pipes.ready_lines.is_endless()) pipes.unwatch(pipes.ready_watch);
  if (n > 0) return;
  pipes.unwatch(pipes.ready_watch);
  // It will never say READY. Its death may be on its way, and tells more.
  if (state_ == State::kStarting && !attached_) deadline_ = std::min(deadline_, now + kAfterSilence);
}

// What a process may say on its readiness descriptor; other words are for later versions.
void Program::told(std::string_view line) {
  const auto value = [&line](std::string_view name) {
    return line.starts_with(name) ? line.substr(name.size()) : std::string_view();
  };
  if (line == ReadyLines::kReady) return feed(Event::kReady);
  if (const auto done = value("SANDBOX="); !done.empty() && sandbox_.empty()) sandbox_ = done;
  if (line.starts_with("STATUS=")) status_text_ = value("STATUS=");
  if (const auto more = value("EXTEND_TIMEOUT_USEC="); !more.empty() && state_ == State::kStarting) {
    Nanos microseconds = 0;
    const auto parsed = std::from_chars(more.data(), more.data() + more.size(), microseconds);
    if (parsed.ec != std::errc{} || microseconds < 0) return;
    const Nanos wanted = clock_->now() + std::min(microseconds, kLongestStart / 1000) * 1000;
    deadline_ = std::max(deadline_, std::min(wanted, started_at_ + kLongestStart));
  }
}

// True: there may be more.
bool Program::read_output() {
  std::array<char, 16 * 1024> buffer;
  std::size_t total = 0;
  Pipes& pipes = *pipes_;
  while (total < kMostPerRead) {
    const ssize_t n = sys_->read(pipes.spawned.output.get(), buffer);
    if (n == 0) pipes.unwatch(pipes.output_watch);
    if (n <= 0) return false;
    total += static_cast<std::size_t>(n);
    host_->on_output(*this, {buffer.data(), static_cast<std::size_t>(n)});
    if (pipes_.get() != &pipes) return false;  // that ended it
  }
  return true;
}

// A debugger may hold the dead process: its pidfd is readable, yet nothing can be collected. Then it is
// looked at by timer: the loop would spin.
void Program::on_pidfd() {
  const pid_t pid = pid_;
  check_exit();
  if (pid_ != pid || pipes_ == nullptr || pipes_->exit_watch == 0) return;
  pipes_->unwatch(pipes_->exit_watch);
  recheck_after_ = kFirstRecheck;
  recheck_at_ = clock_->now() + recheck_after_;
}

void Program::recheck(Nanos now) {
  recheck_after_ = std::clamp<Nanos>(recheck_after_ * 2, kFirstRecheck, kLongestRecheck);
  recheck_at_ = now + recheck_after_;
  check_exit();
}

void Program::check_exit() {
  ExitStatus status;
  if (pid_ > 0) {
    if (sys_->has_ended(pid_, status)) ended(status);
  } else if (group_ > 0) {
    check_group();
  }
}

void Program::ended(ExitStatus status) {
  const pid_t group = pid_;
  // READY and death may come in one turn of the loop; its last words are the newest.
  if (pipes_->ready_watch != 0) read_ready();
  for (int i = 0; i < kMostLastReads && pid_ == group && read_output(); ++i) continue;
  if (pid_ != group) return;  // whoever was told has looked, too
  status.asked = asked_;
  const std::string why = describe(status);
  const bool helper = launch_.helper;
  const bool in_debugger = attached_ && !host_->draining();
  const std::string who = helper ? name_ + ": " + launch_.what : name_;
  sys_->collect(group);
  close_process();
  last_exit_ = status.code;
  last_error_ = probe_error_.empty() ? why : probe_error_;
  if (was_ready_) ready_for_ = clock_->now() - ready_at_;
  if (helper && status.code == 0 && state_ == State::kStarting && sys_->group_is_empty(group))
    return continue_start();
  host_->on_death(*this, status);
  const bool config =
      launcher_->exit_code_names_config() && !helper && (status.code == 2 || status.code == 78);
  outcome_ = {Event::kExit, state_ == State::kStopping ? std::string() : who + " " + why};
  if (state_ != State::kStopping && status.code == 0 && host_->draining() && launcher_->has_heartbeat())
    outcome_ = {Event::kDrained, {}};
  else if (in_debugger && state_ != State::kStopping)
    outcome_ = {Event::kExitHeld, outcome_.note + " in its debugger"};
  else if ((state_ == State::kStarting && config) || (state_ == State::kEnding && hopeless_))
    outcome_ = {Event::kConfigExit, hopeless_ ? name_ + ": " + probe_error_ : outcome_.note};
  group_ = group;
  check_group();
  if (group_ <= 0) return;
  recheck_after_ = kFirstRecheck;
  recheck_at_ = clock_->now() + recheck_after_;
  feed(Event::kLeftover);
}

// It has ended when its whole group has: a child of its own may hold what the successor needs.
void Program::check_group() {
  if (!sys_->group_is_empty(group_)) return;
  group_ = -1;
  recheck_at_ = kNever;
  const Outcome outcome = std::exchange(outcome_, {});
  feed(outcome.event, outcome.note);
}

void Program::close_process() {
  pipes_.reset();
  pid_ = -1;
  attached_ = false;
  probe_at_ = recheck_at_ = kNever;
}

void Program::probe(Nanos now) {
  Probe answer = Probe::kNotYet;
  probe_at_ = now + launcher_->probe_interval();
  try {
    answer = launcher_->probe(now);
  } catch (const std::exception& e) {
    probe_error_ = last_error_ = e.what();
    hopeless_ = exit_code_of(e) == 2;
    probe_at_ = kNever;
    deadline_ = now;  // ends it, and says why
  }
  if (answer == Probe::kReady) feed(Event::kReady);
}

}  // namespace prot::supervisor
