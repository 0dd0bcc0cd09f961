#include "watchdog.hpp"

#include <fmt/format.h>
#include <poll.h>

#include "ipc/stage_pulse.hpp"

namespace prot::supervisor {
namespace {

bool is_rung(const RunContext& run, const std::string& stage) {
  const auto bell = run.bells.find(stage);
  if (bell == run.bells.end()) return false;
  pollfd look{bell->second.fd(), POLLIN, 0};
  return ::poll(&look, 1, 0) > 0;
}

Pulse pulse_of(const Instance& instance, const std::string& stage) {
  const ipc::Board& board = instance.segments->board();
  const ipc::StagePage& page = board.stage(static_cast<std::size_t>(board.find(stage)));
  const ipc::StagePulse read = ipc::read_pulse(page);
  Pulse pulse;
  pulse.heartbeat = read.heartbeat;
  pulse.asleep = read.asleep;
  pulse.busy_until = static_cast<Nanos>(page.busy_until_ns.load());
  return pulse;
}

/// What an operator wants to know of it.
std::string signs(Nanos now, const Pulse& pulse, const Scheduling& scheduling) {
  return fmt::format(" (its newest duty cycle began {} ms ago, {}, {:c})",
                     (now - pulse.heartbeat) / kMillisecond,
                     !pulse.asleep   ? "awake"
                     : pulse.is_rung ? "its bell is not heard"
                                     : "asleep",
                     scheduling.state == '\0' ? '?' : scheduling.state);
}

}  // namespace

std::optional<std::string> Watchdog::hang_of(Program& program, Watched& watched, Nanos now,
                                             bool overslept) const {
  if (watched.generation != program.generation()) {
    watched = {program.generation(), HangJudge(program.launcher().watchdog())};
    watched.judge.forgive(program.ready_at());
  }
  if (overslept) watched.judge.forgive(now);
  Pulse pulse = pulse_of(*instance_, program.name());
  if (!watched.judge.is_suspect(now, pulse)) {
    (void)watched.judge.look(now, pulse, nullptr);  // without the scheduler's word it finds nobody
    return std::nullopt;
  }
  pulse.is_rung = pulse.asleep && instance_->segments->input_pending(program.name()) &&
                  is_rung(instance_->run, program.name());
  const Scheduling scheduling = instance_->sys.scheduling(program.pid());
  if (!watched.judge.look(now, pulse, &scheduling)) return std::nullopt;
  return signs(now, pulse, scheduling);
}

void Watchdog::on_time(Nanos now) {
  if (now - last_scan_ < kScanEvery) return;
  const bool overslept = now - last_scan_ > kScanEvery + kOverslept;
  last_scan_ = now;
  RunSegments& segments = *instance_->segments;
  segments.board().supervisor().heartbeat_ns.store(static_cast<std::uint64_t>(now));
  watched_.resize(instance_->programs.size());
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    Program& program = *instance_->programs[i];
    if (program.state() != State::kReady || !program.launcher().has_heartbeat() ||
        segments.board().find(program.name()) < 0)
      continue;
    if (const auto why = hang_of(program, watched_[i], now, overslept)) program.hung(*why);
  }
  if (++scans_ % kScansACount == 0) count_timers();
}

void Watchdog::count_timers() const {
  const ipc::Board& board = instance_->segments->board();
  for (const auto& program : instance_->programs) {
    const int index = board.find(program->name());
    if (index < 0 || program->pid() <= 0) continue;
    const auto timers = instance_->sys.timers(program->pid());
    board.supervisor().programs[index].timers.store(timers ? 1 + *timers : 0, std::memory_order_relaxed);
  }
}

}  // namespace prot::supervisor
