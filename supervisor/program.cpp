#include "program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "program_pipes.hpp"

namespace prot::supervisor {

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
  policy_.reset();
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
  feed(has_process(state_) ? Event::kStop : Event::kStart);
}

void Program::hung(const std::string& why) {
  if (!attached_) feed(Event::kHung, name_ + " makes no progress: aborted" + why);
}

void Program::feed(Event event, const std::string& note) {
  const Transition& step = transition(state_, event);
  if (step.action == Action::kIgnore) return;
  const State from = state_;
  const bool was_degraded = degraded();
  state_ = step.next;
  if (state_ != from) deadline_ = kNever;
  const std::uint64_t move = ++moves_;
  act(step.action, from);
  std::string text = note;
  if (degraded() && !was_degraded)
    text += fmt::format("; it dies all the time: tried every {} s", RestartPolicy::kDegradedDelay / kSecond);
  // What act() led to has told its own news.
  const bool moved_on = moves_ != move;
  if ((state_ != from && !moved_on) || !text.empty()) host_->on_state(*this, text);
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
      was_ready_ = true;
      ready_at_ = now;
      probe_at_ = kNever;
      if (degraded()) deadline_ = now + RestartPolicy::kForgiven;
      break;
    case Action::kForgive:
      policy_.reset();
      break;
    case Action::kRetry:
      ++restarts_;
      failed_starts_ = ready_for_ < RestartPolicy::kHealthy ? failed_starts_ + 1 : 0;
      deadline_ = now + policy_.on_death(now, ready_for_);
      take_for_waiter();
      break;
    case Action::kGiveUp:
      ++failed_starts_;
      deadline_ = now + RestartPolicy::kDegradedDelay;  // somebody may have mended it
      take_for_waiter();
      break;
    case Action::kTerminate: {
      const StopSteps steps =
          launch_.helper ? StopSteps{{SIGTERM, 3 * kSecond}, {SIGKILL, kSecond}} : launcher_->stop_steps();
      // A stage that still loads does not listen yet, and has taken nothing.
      const bool deaf = from == State::kStarting && launcher_->has_heartbeat();
      end_with(steps, deaf ? steps.size() - 1 : 0);
      break;
    }
    case Action::kAbort:
      end_with(launcher_->stop_steps(), launch_.helper ? launcher_->stop_steps().size() - 1 : 1);
      break;
    case Action::kClear:
      end_with({{SIGKILL, kSecond}}, 0);
      break;
    case Action::kEscalate:
      escalate();
      break;
    case Action::kSettle:
      settle();
      break;
    case Action::kHold:
      ++generation_;
      started_at_ = now;
      ready_at_ = held_ready_ ? now : 0;
      host_->on_generation(*this);
      break;
    case Action::kVacate:
      ++restarts_;
      held_pid_ = -1;
      held_start_ = 0;
      held_ready_ = false;
      break;
    case Action::kFinish:
      want_ = Want::kDown;
      break;
  }
}

void Program::end_with(StopSteps steps, std::size_t first) {
  steps_ = std::move(steps);
  next_step_ = first;
  escalate();
}

void Program::escalate() {
  const StopStep& step = steps_.at(std::min(next_step_++, steps_.size() - 1));
  if (pid_ > 0) {  // what it leaves is killed when it is collected; from then on its number may be another's
    asked_ = true;
    sys_->signal_group(pid_, step.signal);
    sys_->signal_group(pid_, SIGCONT);  // one that is stopped hears nothing but SIGKILL
  }
  deadline_ = clock_->now() + step.wait;
}

// The state is DOWN and no process is left: go where the user wants it.
void Program::settle() {
  if (want_ == Want::kUp && take_for_waiter()) return;
  if (want_ == Want::kUp && !host_->draining()) feed(Event::kStart);
  if (want_ == Want::kHeld) feed(Event::kHold);
}

Nanos Program::well_at() const noexcept {
  if (!ready()) return kNever;
  return failed_starts_ == 0 ? 0 : ready_at_ + RestartPolicy::kHealthy;
}

Nanos Program::next_deadline() const noexcept { return std::min({deadline_, probe_at_, recheck_at_}); }

std::string Program::deadline_note() const {
  if (state_ == State::kStarting && !probe_error_.empty()) return name_ + ": " + probe_error_;
  if (state_ == State::kStarting && clock_->now() < started_at_ + launcher_->start_deadline())
    return name_ + " goes on without a word of whether it is ready: ended";
  if (state_ == State::kStarting)
    return fmt::format("{} is not ready after {} s: ended", name_, launcher_->start_deadline() / kSecond);
  if (state_ == State::kReady) return name_ + " is well again";
  if (state_ != State::kStopping && state_ != State::kEnding) return {};
  if (group_ > 0) return name_ + ": a process that it left was killed, and does not end";
  const int signal = steps_.at(std::min(next_step_, steps_.size() - 1)).signal;
  return fmt::format("{} does not end: {}", name_, signal == SIGKILL ? "killed" : "aborted");
}

void Program::on_time(Nanos now) {
  if (recheck_at_ <= now) recheck(now);
  if (probe_at_ <= now && state_ == State::kStarting) probe(now);
  if (deadline_ > now) return;
  // What the descriptors say comes before what the clock says.
  const std::uint64_t moves = moves_;
  if (pipes_ != nullptr && pipes_->ready_watch != 0) read_ready();
  if (moves == moves_) check_exit();
  if (moves != moves_ || deadline_ > now) return;
  deadline_ = kNever;
  feed(Event::kDeadline, deadline_note());
}

}  // namespace prot::supervisor
