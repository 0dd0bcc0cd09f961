// A program in a developer's hands: by a debugger on its process, or a process in its place.
#include <csignal>
#include <utility>

#include "program.hpp"

namespace prot::supervisor {

void Program::hold(pid_t by, bool by_itself) {
  if (state_ == State::kHeld) return;  // one has the place
  want_ = Want::kHeld;
  held_by_ = by;
  held_pid_ = by_itself ? by : -1;
  held_start_ = by_itself ? sys_->start_time(by) : 0;
  held_ready_ = by_itself;
  feed(Event::kHold);
}

void Program::hold_next(pid_t by) {
  waiter_ = by;
  if (!has_process(state_)) take_for_waiter();
}

bool Program::take_for_waiter() {
  if (waiter_ <= 0 || host_->draining()) return false;
  hold(std::exchange(waiter_, -1), false);
  return true;
}

Launch Program::next_launch() { return launcher_->next(true, generation_); }

void Program::held_process(pid_t pid, bool ready) {
  if (state_ != State::kHeld) return;
  held_pid_ = pid;
  held_start_ = sys_->start_time(pid);
  if (ready && !std::exchange(held_ready_, true)) ready_at_ = clock_->now();
  host_->on_generation(*this);
}

void Program::attach(pid_t by) {
  attached_ = true;
  held_by_ = by;
  if (state_ == State::kStarting) deadline_ = kNever;
  if (launcher_->has_heartbeat()) sys_->allow_tracer(pid_, by);  // a stage: it listens
}

void Program::release() {
  check_exit();  // what ended in the debugger's hands leaves its place empty, and that ends below
  if (outcome_.event == Event::kExitHeld) outcome_.event = Event::kExit;  // something of its group is left
  if (std::exchange(attached_, false) && has_process(state_)) {
    if (launcher_->has_heartbeat()) sys_->allow_tracer(pid_, 0);
    if (state_ == State::kStarting) deadline_ = clock_->now() + launcher_->start_deadline();
  }
  // Its connection is gone; so must it be before a successor attaches, also if it is stopped.
  if (state_ == State::kHeld) kill();
  if (want_ == Want::kHeld) want_ = Want::kUp;
  held_by_ = held_pid_ = waiter_ = -1;
  feed(Event::kRelease);
}

void Program::kill() {
  if (pid_ > 0) {
    asked_ = true;
    sys_->signal_group(pid_, SIGKILL);
  }
  if (state_ == State::kHeld && held_start_ != 0 && sys_->start_time(held_pid_) == held_start_)
    sys_->signal_process(held_pid_, SIGKILL);  // not a child of ours
}

}  // namespace prot::supervisor
