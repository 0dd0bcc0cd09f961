// What the supervisor does when programs, and the drain, tell it something.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "json/json.hpp"
#include "supervisor.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {

void Supervisor::show(const Program& program) {
  const int index = instance_.segments->board().find(program.name());
  if (index >= 0) {
    ipc::ProgramEntry& entry = instance_.segments->board().supervisor().programs[index];
    const std::uint32_t pid = program.pid() > 0 ? static_cast<std::uint32_t>(program.pid()) : 0;
    if (entry.pid.exchange(pid) != pid) entry.timers.store(0);  // counted anew
    entry.generation.store(program.generation());
    entry.state.store(static_cast<std::uint32_t>(program.shown_state()));
    entry.restarts.store(program.restarts());
    entry.last_exit.store(program.last_exit());
    entry.degraded.store(program.degraded() ? 1 : 0);
    entry.started_ns.store(static_cast<std::uint64_t>(program.started_at()));
    entry.ready_ns.store(static_cast<std::uint64_t>(program.ready_at()));
  }
}

void Supervisor::on_state(Program& program, const std::string& note) {
  show(program);
  const Nanos now = instance_.clock.now();
  if (!note.empty()) say(note);
  switch (program.state()) {
    case State::kStarting:
      on_generation(program);  // once more: now it has a process
      record_pids();
      break;
    case State::kReady:
      if (!note.empty()) break;  // it was ready before
      instance_.crashes->on_ready(program.name(), program.generation(), program.pid());
      say(fmt::format("{} ready in {} ms{}", program.name(), (now - program.started_at()) / kMillisecond,
                      program.generation() > 1 ? fmt::format(" (generation {})", program.generation()) : ""));
      if (observer_.on_program_ready) observer_.on_program_ready(program.name());
      break;
    case State::kDone:
      drain_.on_drained(program.name(), now);
      break;
    case State::kBackoff:
    case State::kFailed:
    case State::kDown: {
      if (instance_.phase == Phase::kDraining) drain_.on_lost(program.name(), now);
      // The first start gives up; later nothing does.
      const bool hopeless =
          !is_optional(program.name()) && (program.state() == State::kFailed ||
                                           program.failed_starts() >= program.launcher().start_attempts());
      if (instance_.phase == Phase::kStarting && program.state() != State::kDown && hopeless) {
        const std::string last = instance_.logs->last_line(program.name());
        std::string why = note.empty() ? program.name() + " " + program.last_error() : note;
        if (!last.empty()) why += ": " + last;
        const bool config =
            wire::is_stage(program.name()) && (program.last_exit() == 2 || program.last_exit() == 78);
        fail_start(why, config ? 2 : 1);
      }
      break;
    }
    case State::kStopping:
    case State::kEnding:
    case State::kHeld:
      break;
  }
}

void Supervisor::on_generation(Program& program) {
  instance_.segments->set_generation(program.name(), program.generation(),
                                     program.pid() > 0 ? static_cast<std::uint64_t>(program.pid()) : 0);
  instance_.logs->set_process(program.name(), std::max(program.pid(), 0), program.generation());
}

void Supervisor::on_death(Program& program, const ExitStatus& status) {
  instance_.logs->end_output(program.name());
  instance_.logs->append_line("supervisor", fmt::format("{} ended: {}", program.name(), status.code));
  note_crash(program, status);
  instance_.segments->set_generation(program.name(), program.generation(), 0);
  if (program.state() != State::kStopping) {  // what ends while it stops has no frame to blame
    const std::string line = instance_.poison->on_death(program.name(), program.generation(), status);
    if (!line.empty()) say(line);
  }
  // What it started with a session of its own is not of its group.
  if (wire::is_stage(program.name())) {
    std::vector<pid_t> known;
    for (const auto& one : instance_.programs) known.push_back(one->pid());
    for (const pid_t stray : instance_.sys.children_with("PROT_STAGE=" + program.name(), known))
      instance_.sys.signal_process(stray, SIGKILL);
  }
  instance_.segments->ring_neighbours(program.name(), instance_.run);
}

void Supervisor::on_output(Program& program, std::string_view bytes) {
  instance_.logs->append(program.name(), bytes);
}

void Supervisor::on_line(const LogRecord& record, const std::string& json) {
  const std::size_t at = record.stage == "memory" ? record.message.find("DRAINED=") : std::string::npos;
  long drained = 0;
  long deferred = 0;
  if (at != std::string::npos &&
      std::sscanf(record.message.c_str() + at, "DRAINED=%ld DEFERRED=%ld", &drained, &deferred) == 2) {
    account_ = {drained, deferred};
  }
  desk_.spread_line(record.stage, json);
}

bool Supervisor::is_alive(std::string_view stage) const {
  const Program* program = instance_.find(stage);
  return program != nullptr && !program->gone();
}

bool Supervisor::can_start(std::string_view stage) const {
  const Program* program = instance_.find(stage);
  return program != nullptr && program->ready_at() != 0;  // what never worked will not work in a hurry
}

// What memory tells brain is no input in a drain: memory ends after it.
bool Supervisor::input_pending(std::string_view stage) const {
  const auto rings = wire::inputs_of(stage);
  return std::any_of(rings.begin(), rings.end(), [this](const wire::RingInfo* ring) {
    return ring->producer != "memory" && ring_pending(ring->name);
  });
}

DrainLoad Supervisor::load(std::string_view stage) const {
  DrainLoad load;
  for (std::size_t i = 0; i < instance_.segments->rings().size(); ++i) {
    if (wire::kRings[i].consumer != stage || wire::kRings[i].producer == "memory") continue;
    const ipc::RingMemory& memory = instance_.segments->rings()[i].memory();
    const std::uint64_t head = memory.consumer->head.load();
    const std::uint64_t tail = memory.producer->tail.load();
    load.input += tail - std::min(head, tail);
  }
  const int index = instance_.segments->board().find(stage);
  if (stage != "memory" || index < 0) return load;
  const auto counter = [&](const char* label) {
    return instance_.segments->board().counter(static_cast<std::size_t>(index), label).load();
  };
  load.queue = counter("jobs_ready") + counter("jobs_leased");
  return load;
}

std::string Supervisor::left_to_do(std::string_view stage) const {
  if (stage != "memory" || instance_.find(stage) == nullptr) return {};
  const std::uint64_t jobs = load(stage).queue;
  return instance_.segments->input_pending(stage) ? fmt::format("turns and {} jobs", jobs)
                                                  : fmt::format("{} jobs", jobs);
}

bool Supervisor::ring_pending(std::string_view ring) const { return instance_.segments->ring_pending(ring); }

void Supervisor::press(ipc::Drain how) {
  instance_.segments->board().supervisor().drain.store(static_cast<std::uint32_t>(how));
  instance_.segments->ring_all(instance_.run);
}

void Supervisor::restart(std::string_view stage) { instance_.find(stage)->start(); }

void Supervisor::kill(std::string_view stage) {
  Program* program = instance_.find(stage);
  if (program == nullptr) return;
  desk_.leases().revoke(stage, "the instance is stopping");
  program->kill();
  desk_.end_hold(stage);
}

void Supervisor::close(std::string_view stage) {
  if (Program* program = instance_.find(stage); program != nullptr) {
    memory_lost_ |= stage == "memory" && program->wanted();
    program->stop();
  }
  instance_.segments->set_closed(stage, true);
  instance_.segments->ring_neighbours(stage, instance_.run);
}

void Supervisor::hurry() { drain_.press(instance_.clock.now()); }

void Supervisor::joiner_gone(const std::string& program) {
  Program* held = instance_.find(program);
  if (held == nullptr || instance_.phase == Phase::kEnded) return;
  instance_.segments->ring_neighbours(program, instance_.run);
  // It has handed the end of the stream on, else its input would still hold it.
  if (instance_.phase == Phase::kDraining && !input_pending(program)) {
    instance_.segments->set_closed(program, true);
    drain_.on_drained(program, instance_.clock.now());
  }
  say(program + " is given back by its developer");
  held->release();
}

void Supervisor::say(const std::string& line) {
  if (instance_.logs) instance_.logs->append_line("supervisor", line);
  if (instance_.phase >= Phase::kDraining) service_.status(line);
  if (observer_.say) observer_.say(line);
  desk_.tell_progress(line);
}

}  // namespace prot::supervisor
