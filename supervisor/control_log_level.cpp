#include "base/error.hpp"
#include "base/log.hpp"
#include "control_desk.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {

// {"cmd":"log-level","level":"debug"|...|"configured"[,"stage":S]}: on the board, where each stage looks.
void control_log_level(ControlDesk& desk, const Client& client, const json::View& request) {
  Instance& instance = desk.instance();
  const std::string name(request.get("stage").as_string());
  const std::string_view word = request.get("level").as_string();
  const auto level = log_level_of(word);
  if (!level && word != "configured")
    throw Error("log-level: debug, info, warn, error or configured, not '" + std::string(word) + "'",
                kControlUsage);
  // Not 0: a stage that runs since before a reload was configured otherwise.
  const LogLevel wanted = level.value_or(
      log_level_of(instance.run.config.get_string("general.log_level")).value_or(LogLevel::kInfo));
  const auto value = 1 + static_cast<std::uint32_t>(wanted);
  const bool known = name.empty() || name == "supervisor" || instance.find(name) != nullptr;
  if (!known) throw Error("there is no stage '" + name + "'", kControlUnknownStage);
  if (!name.empty() && name != "supervisor" && !wire::is_stage(name))
    throw Error(name + " has no level that can be changed while it runs", kControlUsage);
  ipc::SupervisorPage& page = instance.segments->board().supervisor();
  if (name.empty() || name == "supervisor") {
    page.log_level.store(value);
    set_log_level(wanted);
  }
  for (const std::string_view stage : wire::kDrainOrder) {
    const int index = instance.segments->board().find(stage);
    if (index >= 0 && (name.empty() || name == stage)) page.programs[index].log_level.store(value);
  }
  instance.segments->ring_all(instance.run);  // whoever sleeps looks at it now
  client->send(R"({"ok":true})");
}

}  // namespace prot::supervisor
