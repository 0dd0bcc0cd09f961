// The end of a run: the drain is asked for, the programs outside the flow follow, the account is given.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "posix_process_sys.hpp"
#include "supervisor.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
constexpr int kDeferred = 7;  // exit code: stopped, and some work is left for the next start
}

// The drain names its blockers; after it, these are the ones that hold up the end.
void Supervisor::report_externals(Nanos now) {
  if (report_at_ == kNever) {
    stopping_since_ = now;
    report_at_ = now + kSecond;
  }
  if (report_at_ > now || instance_.phase == Phase::kEnded) return;
  report_at_ = now + kSecond;
  std::string names;
  for (const auto& program : instance_.programs)
    if (!program->gone()) names += (names.empty() ? "" : ", ") + program->name();
  say(fmt::format("waiting for {} to end ({} s)", names, (now - stopping_since_) / kSecond));
}

// After the stages: the model server, and the database last.
void Supervisor::stop_externals() {
  for (const auto& program : instance_.programs) {
    if (!wire::is_stage(program->name()) || program->gone()) continue;
    program->stop();  // also one whose holder goes last
    if (program->state() != State::kHeld || !desk_.end_hold(program->name())) return;
  }
  for (const char* name : {"web", "llm", "db"}) {
    Program* program = instance_.find(name);
    if (program == nullptr || (program->gone() && !program->wanted())) continue;
    if (program->wanted()) program->stop();
    if (!program->gone()) return;
  }
  instance_.phase = Phase::kEnded;
}

void Supervisor::ask_to_stop() {
  ++stop_requests_;
  const Nanos now = instance_.clock.now();
  if (stop_requests_ == 1 && instance_.phase <= Phase::kRunning) {
    instance_.phase = Phase::kDraining;
    service_.stopping();
    drain_begun_at_ = now;
    say("stopping: what was said is answered and stored first (again: hurry; a third time: kill)");
    // A stage that still loads has taken nothing: nobody waits for it.
    for (const auto& program : instance_.programs)
      if (wire::is_stage(program->name()) && program->state() == State::kStarting && program->ready_at() == 0)
        program->stop();
    if (Program* web = instance_.find("web")) web->stop();  // before all of it; it is not waited for
    desk_.leases().on_drain();
    drain_.begin(now, false);
  } else if (stop_requests_ == 2 && instance_.phase == Phase::kDraining) {
    say("hurrying: replies are cut, memories are still stored");
    drain_.press(now);
  } else if (stop_requests_ >= 3) {
    kill_everything();
  }
}

void Supervisor::kill_everything() {
  if (instance_.phase < Phase::kStopping) say("killing every stage");
  const Program* memory = instance_.find("memory");
  memory_lost_ |= memory != nullptr && !memory->gone();
  instance_.phase = Phase::kStopping;
  for (const auto& program : instance_.programs) {
    program->stop();
    // The database's own stop is fast; it is killed only when somebody insists.
    if (program->name() != "db" || stop_requests_ > 3) program->kill();
    desk_.end_hold(program->name());
  }
}

// Nobody may read "nothing is left" from silence.
void Supervisor::close_account(long saved) {
  if (saved > 0) say(fmt::format("{} frames of turns are kept for the next start", saved));
  const bool silent = account_.drained < 0;
  if (silent && memory_lost_) say("memory gave no account: the next start goes on with its jobs");
  if (saved > 0 || (silent && memory_lost_)) {
    account_.unknown = silent && memory_lost_;
    account_.drained = std::max(0L, account_.drained);
    account_.deferred = std::max({1L, saved, account_.deferred});
  }
  if (exit_code_ == 0 && account_.deferred > 0) exit_code_ = kDeferred;
}

void Supervisor::finish_run() {
  // What left its session, its group and its environment behind.
  if (const std::size_t strays = end_adopted(children_before_); strays > 0)
    say(fmt::format("{} processes that the programs had left behind are killed", strays));
  const std::string& instance = instance_.run.paths.instance;
  std::size_t saved = 0;
  try {
    if (instance_.segments->ring_pending("turns"))
      saved = save_turns(ipc::segment_name(instance, instance_.run.run_id, "turns"), instance_.run.run_id,
                         instance_.run.paths.state / "spool" / "brain");
    instance_.segments->remove();
  } catch (const std::exception& e) {
    // The segments stay: the next start tries again.
    say(std::string("turns are not saved yet, the next start tries again: ") + e.what());
    exit_code_ = 1;
  }
  close_account(static_cast<long>(saved));
  std::error_code error;
  for (const char* name : {"chat.sock", "memory.sock", "llm.sock", "web.sock"})
    std::filesystem::remove(instance_.run.paths.runtime / name, error);
  std::filesystem::remove_all(instance_.run.paths.runtime / "heap", error);  // of stages that were killed
  std::filesystem::remove(instance_.run.paths.state / "pids", error);
  if (failure_.empty() && drain_begun_at_ != 0)
    say(fmt::format("stopped after {} ms", (instance_.clock.now() - drain_begun_at_) / kMillisecond));
  desk_.stop_listening();
  lock_.reset();  // whoever waits for our answer may start again at once
  state_lock_.reset();
  desk_.end(account_);
}

}  // namespace prot::supervisor
