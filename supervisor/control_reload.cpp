// The configuration is read again: first what changes, at once; then, when all is ready again, that it is.
#include "control_desk.hpp"
#include "reload.hpp"

namespace prot::supervisor {
namespace {

std::string outcome_json(const ReloadOutcome& outcome) {
  json::Writer out;
  out.begin_object().key("changes").begin_array();
  for (const ConfigChange& change : outcome.plan.changes) {
    out.begin_object().member("key", change.name).member("secret", change.secret);
    if (!change.secret) out.member("old", change.from).member("new", change.to);
    out.end_object();
  }
  out.end_array().key("report").begin_array();
  for (const std::string& line : outcome.report()) out.value(line);
  out.end_array().key("restarted").begin_array();
  for (const RestartedProgram& program : outcome.restarted) out.value(program.name);
  return out.end_array().end_object().str();
}

}  // namespace

void control_reload(ControlDesk& desk, const Client& client, const json::View& request) {
  Instance& instance = desk.instance();
  const ReloadOutcome outcome = reload(instance, std::string(request.get("env_file").as_string()));
  for (const std::string& line : outcome.report()) desk.host().say(line);
  client->send(outcome_json(outcome));
  desk.wait({.client = client,
             .deadline = instance.clock.now() + kControlAnswerWithin,
             .program = "",
             .kind = "reload",
             .met = [&instance] { return !instance.run.replaced && instance.reload_failure.empty(); },
             .failure = [&instance] { return instance.reload_failure; }});
}

}  // namespace prot::supervisor
