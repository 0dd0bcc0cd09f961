// start, stop, restart of one program.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "control_desk.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

constexpr std::int64_t kLongestIdleMs = 24LL * 3600 * 1000;

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

void restart_now(ControlDesk& desk, const Client& client, Program& program, bool ready) {
  answer_when_ready(desk, client, program, program.generation(), ready);
  program.restart();
}

std::string full_inputs(const Instance& instance, const Program& program) {
  std::string names;
  for (const wire::RingInfo* ring : wire::inputs_of(program.name()))
    if (instance.segments->ring_pending(ring->name))
      names.append(names.empty() ? "" : ", ").append(ring->name);
  return names;
}

bool is_asleep(const Instance& instance, const Program& program) {
  const ipc::Board& board = instance.segments->board();
  const int index = board.find(program.name());
  return index < 0 || board.stage(static_cast<std::size_t>(index)).asleep.load() != 0;
}

// What it holds is worked off first. A frame leaves its ring when it is done with.
void restart_when_idle(ControlDesk& desk, const Client& client, Program& program, Nanos within, bool ready) {
  const Instance& instance = desk.instance();
  desk.wait(
      {.client = client,
       .deadline = instance.clock.now() + within,
       .program = program.name(),
       .kind = "idle",
       .met =
           [&instance, &program] {
             return program.shown_state() == State::kReady &&
                    !instance.segments->input_pending(program.name()) && is_asleep(instance, program);
           },
       .answer = [&desk, &program, ready](const Client& asker) { restart_now(desk, asker, program, ready); },
       .failure =
           [&program] {
             if (program.shown_state() == State::kHeld)
               return fmt::format("{} is held by process {}", program.name(), program.held_by());
             if (program.state() == State::kFailed)
               return program.name() + " cannot run: " + program.last_error();
             return program.wanted() ? std::string() : program.name() + " is stopped";
           },
       .late =
           [&instance, &program, within] {
             const std::string rings = full_inputs(instance, program);
             const double seconds = static_cast<double>(within) / static_cast<double>(kSecond);
             return fmt::format(
                 "{} is not restarted: after {} s {}", program.name(), seconds,
                 rings.empty() ? "it is still at work" : "it has not worked off what is in " + rings);
           },
       .polls = true});
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
  const bool drains = request.get("drain").as_bool();
  if (!drains || !has_process(program.state()) || !wire::is_stage(program.name()))
    return restart_now(desk, client, program, wants_ready(request));
  const std::int64_t within_ms =
      std::clamp<std::int64_t>(request.get("timeout_ms").as_int(30'000), 0, kLongestIdleMs);
  restart_when_idle(desk, client, program, within_ms * kMillisecond, wants_ready(request));
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
