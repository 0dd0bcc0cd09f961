// What the supervisor keeps for later: log lines, and reports of deaths.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "stage/stage_log.hpp"
#include "supervisor.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {

Supervisor::LogObserving::~LogObserving() { set_log_observer({}, true); }

void Supervisor::open_logs(bool detached) {
  const stage::Config& config = instance_.run.config;
  stage::prepare_log(config);
  set_log_level(log_level_of(config.get_string("general.log_level")).value_or(LogLevel::kInfo));
  instance_.logs.emplace(instance_.run.paths.state / "log", instance_.clock);
  instance_.logs->set_follower(
      [this](const LogRecord& record, const std::string& json) { on_line(record, json); });
  set_log_observer(
      [this](LogRecord record) {
        record.stage = "supervisor";
        instance_.logs->append(record);
      },
      !detached);
}

// A death that nobody asked for: not while it stops, nor at the end of the drain's stream. A hang that the
// watchdog ends is one.
void Supervisor::note_crash(const Program& program, const ExitStatus& status) {
  const int index = instance_.segments->board().find(program.name());
  const bool killed_by_us =
      status.asked && program.state() != State::kEnding;  // the drain's, not the watchdog's
  const bool drained = status.code == 0 && draining();
  if (program.state() == State::kStopping || killed_by_us || drained || index < 0) return;
  const ipc::ProgramEntry& entry = instance_.segments->board().supervisor().programs[index];
  instance_.crashes->on_death({.stage = program.name(),
                               .generation = program.generation(),
                               .pid = static_cast<pid_t>(entry.pid.load()),
                               .status = status,
                               .what = program.last_error(),
                               .started_at = program.started_at(),
                               .was_ready = program.ready_at() >= program.started_at()});
}

void Supervisor::report_crashes() {
  if (!instance_.crashes->pending()) return;
  const std::string line =
      instance_.crashes->write([this](const std::string& stage) -> std::optional<CrashWatch::Aftermath> {
        CrashWatch::Aftermath after;
        const Program* program = instance_.find(stage);
        const State state = program != nullptr ? program->state() : State::kDown;
        if (state == State::kEnding) return std::nullopt;  // some of its group is still there
        if (state == State::kStarting || state == State::kReady) {
          after.decision = "restarted at once";
        } else if (state == State::kBackoff) {
          after.decision = fmt::format("restarted after {} ms",
                                       (program->next_deadline() - instance_.clock.now()) / kMillisecond);
        } else {
          after.decision =
              state == State::kFailed ? "not restarted until something changes" : "not restarted";
        }
        try {
          if (wire::is_stage(stage)) after.executable = find_program("prot-" + stage);
        } catch (const Error&) {
          after.executable.clear();  // it could not be started for that reason: the report says so already
        }
        return after;
      });
  if (!line.empty()) say(line);
}

}  // namespace prot::supervisor
