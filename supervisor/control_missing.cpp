// missing: which programs are not ready, why, and what each said last.
#include <fmt/format.h>

#include "control_desk.hpp"

namespace prot::supervisor {
namespace {

std::string seconds(Nanos time) { return fmt::format("{} s", time / kSecond); }

std::string why_not_ready(const Instance& instance, const Program& program) {
  std::string needs;
  for (const std::string& name : start_dependencies(program.name())) {
    const Program* needed = instance.find(name);
    if (needed != nullptr && !needed->ready()) needs += (needs.empty() ? "" : ", ") + name;
  }
  switch (program.state()) {
    case State::kDown:
      return needs.empty() ? "is stopped" : "waits for " + needs;
    case State::kStarting:
      return "is starting for " + seconds(instance.clock.now() - program.started_at());
    case State::kBackoff:
      return program.last_error() + ", and is tried again";
    case State::kFailed:
      return program.last_error() + ", and is tried every 15 s";
    case State::kStopping:
      return "is being stopped";
    case State::kEnding:
      return "hangs or has crashed, and is being ended";
    case State::kDone:
      return "has ended";
    case State::kReady:
    case State::kHeld:
      break;
  }
  return "is ready";
}

}  // namespace

void control_missing(ControlDesk& desk, const Client& client, const json::View& /*request*/) {
  const Instance& instance = desk.instance();
  json::Writer out;
  out.begin_object().key("missing").begin_array();
  for (const auto& program : instance.programs) {
    if (program->ready()) continue;
    out.begin_object()
        .member("stage", program->name())
        .member("state", ipc::to_string(program->state()))
        .member("why", why_not_ready(instance, *program))
        .member("last_line", instance.logs->last_line(program->name()))
        .end_object();
  }
  client->send(out.end_array().end_object().str());
}

}  // namespace prot::supervisor
