// What the supervisor does when programs, and the drain, tell it something.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "json/json.hpp"
#include "supervisor.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
constexpr unsigned kStartAttempts = 3;  // the first start gives up; later nothing does
}

void Supervisor::on_state(Program& program, const std::string& note) {
  const int index = segments_->board().find(program.name());
  if (index >= 0) {
    ipc::ProgramEntry& entry = segments_->board().supervisor().programs[index];
    entry.pid.store(program.pid() > 0 ? static_cast<std::uint32_t>(program.pid()) : 0);
    entry.generation.store(program.generation());
    entry.state.store(static_cast<std::uint32_t>(program.state()));
    entry.restarts.store(program.restarts());
    entry.last_exit.store(program.last_exit());
    entry.started_ns.store(static_cast<std::uint64_t>(program.started_at()));
    entry.ready_ns.store(static_cast<std::uint64_t>(program.ready_at()));
  }
  const Nanos now = clock_->now();
  if (!note.empty()) say(note);
  switch (program.state()) {
    case State::kStarting:
      on_generation(program);  // once more: now it has a process
      record_pids();
      break;
    case State::kReady:
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
      if (phase_ == Phase::kDraining) drain_.on_lost(program.name(), now);
      const bool hopeless = program.state() == State::kFailed || program.failed_starts() >= kStartAttempts;
      if (phase_ == Phase::kStarting && program.state() != State::kDown && hopeless) {
        const std::string last = logs_->last_line(program.name());
        std::string why = note.empty() ? program.name() + " " + program.last_error() : note;
        if (!last.empty()) why += ": " + last;
        const bool config =
            wire::is_stage(program.name()) && (program.last_exit() == 2 || program.last_exit() == 78);
        fail_start(why, config ? 2 : 1);
      }
      break;
    }
    case State::kStopping:
    case State::kHeld:
      break;
  }
}

void Supervisor::on_generation(Program& program) {
  segments_->set_generation(program.name(), program.generation(),
                            program.pid() > 0 ? static_cast<std::uint64_t>(program.pid()) : 0);
}

void Supervisor::on_death(Program& program, const ExitStatus& status) {
  logs_->append_line("supervisor", fmt::format("{} ended: {}", program.name(), status.code));
  segments_->set_generation(program.name(), program.generation(), 0);
  if (program.state() != State::kStopping) {  // what ends while it stops has no frame to blame
    const std::string line = poison_->on_death(program.name(), program.generation(), status);
    if (!line.empty()) say(line);
  }
  segments_->ring_neighbours(program.name(), run_);
}

void Supervisor::on_output(Program& program, std::string_view bytes) { logs_->append(program.name(), bytes); }

void Supervisor::on_line(const std::string& program, const std::string& line) {
  if (program == "memory") {
    const std::size_t at = line.find("DRAINED=");
    long drained = 0;
    long deferred = 0;
    if (at != std::string::npos &&
        std::sscanf(line.c_str() + at, "DRAINED=%ld DEFERRED=%ld", &drained, &deferred) == 2) {
      drained_ = drained;
      deferred_ = deferred;
    }
  }
  if (control_ != nullptr) control_->spread_line(program, line);
}

bool Supervisor::is_alive(std::string_view stage) const {
  const Program* program = find(stage);
  return program != nullptr && !program->gone();
}

bool Supervisor::can_start(std::string_view stage) const {
  const Program* program = find(stage);
  return program != nullptr && program->ready_at() != 0;  // what never worked will not work in a hurry
}

bool Supervisor::input_pending(std::string_view stage) const { return segments_->input_pending(stage); }

bool Supervisor::ring_pending(std::string_view ring) const { return segments_->ring_pending(ring); }

void Supervisor::press(ipc::Drain how) {
  segments_->board().supervisor().drain.store(static_cast<std::uint32_t>(how));
  segments_->ring_all(run_);
}

void Supervisor::restart(std::string_view stage) { find(stage)->start(); }

void Supervisor::kill(std::string_view stage) {
  Program* program = find(stage);
  if (program == nullptr) return;
  if (program->state() == State::kHeld) sys_->signal_process(program->pid(), SIGKILL);
  program->kill();
}

void Supervisor::close(std::string_view stage) {
  if (Program* program = find(stage); program != nullptr) program->abandon();
  segments_->set_closed(stage, true);
  segments_->ring_neighbours(stage, run_);
}

void Supervisor::say(const std::string& line) {
  if (logs_) logs_->append_line("supervisor", line);
  if (observer_.say) observer_.say(line);
  for (const auto& client : down_clients_)
    client->send(fmt::format(R"({{"progress":{}}})", json::escape(line)));
}

}  // namespace prot::supervisor
