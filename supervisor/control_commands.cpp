// The table of what control.sock can be asked for (doc/developer.md lists it), and the commands of the whole
// instance.
#include <algorithm>

#include "control_desk.hpp"

namespace prot::supervisor {
namespace {

constexpr std::int64_t kLongestWaitMs = 24LL * 3600 * 1000;

constexpr ControlCommand kCommands[] = {
    {"status", control_status},       {"down", control_down},     {"wait", control_wait},
    {"start", control_start},         {"stop", control_stop},     {"restart", control_restart},
    {"missing", control_missing},     {"join", control_join},     {"logs", control_logs},
    {"log-level", control_log_level}, {"reload", control_reload}, {"debug", control_debug},
    {"release", control_release},
};

}  // namespace

const ControlCommand* find_control_command(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const auto& c) { return c.name == name; });
  return found == std::end(kCommands) ? nullptr : found;
}

void control_down(ControlDesk& desk, const Client& client, const json::View& request) {
  if (request.get("kill").as_bool()) {
    for (int signal = 0; signal < 3; ++signal) desk.host().ask_to_stop();
    return;
  }
  desk.follow_drain(client);
  if (desk.instance().phase <= Phase::kRunning) desk.host().ask_to_stop();
  if (request.get("now").as_bool()) desk.host().hurry();
}

void control_wait(ControlDesk& desk, const Client& client, const json::View& request) {
  if (request.get("for").as_string() == "down") return;  // the end of the connection is the answer
  if (request.get("for").as_string() != "ready")
    return client->send_error("wait: 'ready' or 'down'", kControlUsage);
  const Instance& instance = desk.instance();
  const std::int64_t timeout_ms =
      std::clamp<std::int64_t>(request.get("timeout_ms").as_int(60000), 0, kLongestWaitMs);
  desk.wait({.client = client,
             .deadline = instance.clock.now() + timeout_ms * kMillisecond,
             .program = "",
             .kind = "ready",
             .met = [&instance] { return instance.phase == Phase::kRunning && instance.all_ready(); }});
}

}  // namespace prot::supervisor
