// A developer's process takes a stage's place.
#include <fmt/format.h>

#include "base/error.hpp"
#include "control_desk.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

void hand_over(ControlDesk& desk, const Client& client, const Program& program) {
  const RunContext& run = desk.instance().run;
  json::Writer reply;
  reply.begin_object()
      .member("run", run.run_id)
      .member("generation", program.generation())
      .key("config")
      .raw(run.config.snapshot(program.name()))
      .key("bells")
      .begin_array();
  std::vector<int> fds;
  for (const auto& [name, bell] : run.bells) {
    reply.value(name);
    fds.push_back(bell.fd());
  }
  reply.end_array().end_object();
  client->send(reply.str(), fds);
  desk.host().say(fmt::format("{} is held by process {}", program.name(), program.pid()));
}

}  // namespace

void control_join(ControlDesk& desk, const Client& client, const json::View& request) {
  Program& program = free_program_of(desk, request);
  if (!wire::is_stage(program.name()))
    throw Error(program.name() + " is no stage: it cannot be joined", kControlUnknownStage);
  desk.hold(client, program.name());
  desk.wait({.client = client,
             .deadline = desk.instance().clock.now() + kControlAnswerWithin,
             .program = program.name(),
             .kind = "held",
             .met = [&program] { return program.state() == State::kHeld; },
             .answer = [&desk, &program](const Client& joiner) { hand_over(desk, joiner, program); }});
  program.hold(client->peer());
}

}  // namespace prot::supervisor
