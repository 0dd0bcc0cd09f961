// start, stop, restart of one program.
#include <fmt/format.h>

#include "base/error.hpp"
#include "control_desk.hpp"

namespace prot::supervisor {
namespace {

// Else it is enough that a new process was started.
bool wants_ready(const json::View& request) {
  return !request.get("wait").is_bool() || request.get("wait").as_bool();
}

void answer_when_ready(ControlDesk& desk, const Client& client, Program& program, std::uint32_t after,
                       bool ready) {
  desk.wait({.client = client,
             .deadline = desk.instance().clock.now() + kControlAnswerWithin,
             .program = program.name(),
             .kind = "ready",
             .met =
                 [&program, after, ready] {
                   return program.generation() > after &&
                          (ready ? program.state() == State::kReady : program.pid() > 0);
                 },
             .failure =
                 [&program] {
                   return program.state() == State::kFailed
                              ? program.name() + " cannot run: " + program.last_error()
                              : std::string();
                 }});
}

}  // namespace

Program& program_of(ControlDesk& desk, const json::View& request) {
  const std::string name(request.get("stage").as_string());
  Program* program = desk.instance().find(name);
  if (program == nullptr) {
    std::string known;
    for (const auto& p : desk.instance().programs) known += " " + p->name();
    throw Error("there is no stage '" + name + "'; there are:" + known, kControlUnknownStage);
  }
  if (desk.instance().phase >= Phase::kDraining) throw Error("the instance is stopping");
  return *program;
}

Program& free_program_of(ControlDesk& desk, const json::View& request) {
  Program& program = program_of(desk, request);
  if (program.shown_state() == State::kHeld)
    throw Error(fmt::format("{} is held by process {}", program.name(), program.held_by()));
  if (desk.leases().has(program.name()) || desk.is_waiting(program.name(), "held"))
    throw Error(program.name() + " is being taken by somebody else");
  return program;
}

void control_start(ControlDesk& desk, const Client& client, const json::View& request) {
  Program& program = free_program_of(desk, request);
  answer_when_ready(desk, client, program, 0, wants_ready(request));
  program.start();
}

void control_restart(ControlDesk& desk, const Client& client, const json::View& request) {
  Program& program = free_program_of(desk, request);
  answer_when_ready(desk, client, program, program.generation(), wants_ready(request));
  program.restart();
}

void control_stop(ControlDesk& desk, const Client& client, const json::View& request) {
  Program& program = free_program_of(desk, request);
  desk.wait({.client = client,
             .deadline = desk.instance().clock.now() + kControlAnswerWithin,
             .program = program.name(),
             .kind = "gone",
             .met = [&program] { return program.gone() && !program.wanted(); }});
  program.stop();
}

}  // namespace prot::supervisor
