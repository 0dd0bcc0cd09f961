#include "reload.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "base/log.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
using stage::ConfigKey;

constexpr std::uint32_t kMostFailedStarts = 3;
constexpr Nanos kStopGrace = 10 * kSecond;  // more than the stop of a stage takes
constexpr const char* kAfterRestart = "cannot change while prot runs: prot down, then prot up";

void add_words(std::vector<std::string>& names, std::string_view words) {
  while (!words.empty()) {
    const std::string name(words.substr(0, words.find(' ')));
    words.remove_prefix(std::min(words.size(), name.size() + 1));
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

// The programs that one configuration has and the other has not.
std::vector<std::string> difference(const stage::Config& from, const stage::Config& to) {
  const std::vector<std::string> before = programs_of(from);
  const std::vector<std::string> after = programs_of(to);
  std::vector<std::string> names;
  for (const auto& [some, others] : {std::pair{&before, &after}, std::pair{&after, &before}})
    std::copy_if(some->begin(), some->end(), std::back_inserter(names),
                 [&others = *others](const auto& name) {
                   return std::find(others.begin(), others.end(), name) == others.end();
                 });
  return names;
}

// Its place, and its name when the place does not say it.
std::string placed(const stage::Config& config, const ConfigKey& key) {
  const std::string& place = config.place(key.name);
  return (place.empty() ? "default: " : place) + std::string(key.name);
}

std::vector<SecretChange> changed_secrets(const Instance& instance, const Configuration& loaded) {
  std::vector<SecretChange> changes;
  for (const std::string& name : secret_names(loaded.config)) {
    const auto keys = stage::config_keys();
    if (std::any_of(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.environment == name; }))
      continue;
    const char* before = std::getenv(name.c_str());
    const auto after = instance.run.environment.find(name, loaded.env_file);
    if ((before != nullptr ? before : std::string()) != (after ? after->value : std::string()))
      changes.push_back({name, users_of_secret(name, loaded.config)});
  }
  return changes;
}

// Running stages have their level from their start: the board tells them the new one.
void tell_log_level(Instance& instance) {
  const std::string& word = instance.run.config.get_string("general.log_level");
  const LogLevel level = log_level_of(word).value_or(LogLevel::kInfo);
  ipc::SupervisorPage& page = instance.segments->board().supervisor();
  page.log_level.store(0);
  set_log_level(level);
  for (const std::string_view stage : wire::kDrainOrder)
    if (const int index = instance.segments->board().find(stage); index >= 0)
      page.programs[index].log_level.store(1 + static_cast<std::uint32_t>(level));
  instance.segments->ring_all(instance.run);
}

void take(Instance& instance, ConfigRequest sources, stage::Config config, EnvFile env_file) {
  RunContext& run = instance.run;
  const bool other_level = run.config.text("general.log_level") != config.text("general.log_level");
  run.environment.apply(env_file, config);
  run.sources = std::move(sources);
  run.config = std::move(config);
  run.env_file = std::move(env_file);
  if (other_level) tell_log_level(instance);
}

bool start_overdue(const Program& program, Nanos now) {
  return program.state() == State::kEnding && !program.ready() &&
         now - program.started_at() >= program.launcher().start_deadline();
}

// Why the new values are at fault; "": they are not, so far.
std::string breakage(const Program& program, const RestartedProgram& before, Nanos now, Nanos until) {
  const std::uint32_t failed =
      program.failed_starts() - std::min(before.failed_starts, program.failed_starts());
  if (program.state() == State::kFailed || failed >= kMostFailedStarts) return program.last_error();
  if (program.generation() > before.generation && start_overdue(program, now))
    return fmt::format("not ready after {} s", program.launcher().start_deadline() / kSecond);
  return now >= until ? "not ready in time" : "";
}

}  // namespace

std::string ConfigChange::text() const {
  if (secret) return name + ": changed";
  const auto shown = [](const std::string& value) { return value.empty() ? "\"\"" : value; };
  return from == to ? name + ": changed" : name + ": " + shown(from) + " -> " + shown(to);
}

ReloadPlan plan_reload(const stage::Config& from, const stage::Config& to,
                       const std::vector<SecretChange>& secrets) {
  ReloadPlan plan;
  const std::vector<std::string> come_or_go = difference(from, to);
  for (const ConfigKey& key : stage::config_keys()) {
    const std::string& before = from.text(key.name);
    const std::string& after = to.text(key.name);
    if (before == after) continue;
    plan.changes.push_back(
        {std::string(key.name), stage::shown_text(before), stage::shown_text(after), key.secret});
    if (!key.live) add_words(plan.restarts, key.programs);
    if (key.fixed) {
      plan.refused.push_back(placed(to, key) + " " + kAfterRestart);
    } else if (!come_or_go.empty() &&
               stage::has_word("brain.engine brain.url brain.fallback memory.store memory.database_url",
                               key.name)) {
      plan.refused.push_back(fmt::format("{} {} ({} would start or stop)", placed(to, key), kAfterRestart,
                                         fmt::join(come_or_go, ", ")));
    }
  }
  for (const SecretChange& secret : secrets) {
    plan.changes.push_back({secret.name, {}, {}, true});
    add_words(plan.restarts, secret.programs);
  }
  return plan;
}

std::vector<std::string> ReloadOutcome::report() const {
  std::vector<std::string> lines = warnings;
  for (const ConfigChange& change : plan.changes) lines.push_back(change.text());
  for (const std::string& line : left) lines.push_back(line);
  if (plan.changes.empty()) lines.emplace_back("nothing has changed");
  return lines;
}

std::string reload_obstacle(const Instance& instance) {
  if (instance.phase >= Phase::kDraining) return "the instance is stopping";
  if (instance.phase == Phase::kStarting) return "the instance still starts: wait until it is ready";
  if (!instance.run.replaced) return {};
  return "an earlier reload is not finished: wait for " + instance.missing();
}

ReloadOutcome reload(Instance& instance, const std::string& env_file) {
  if (const std::string why = reload_obstacle(instance); !why.empty()) throw Error(why);
  RunContext& run = instance.run;
  ConfigRequest sources = run.sources;
  if (!env_file.empty()) {
    sources.env_file = env_file;
    sources.env_file_required = true;
  }
  Configuration loaded = load_configuration(sources, run.environment);
  ReloadOutcome outcome;
  if (std::vector<std::string> missing = missing_files(loaded.config); !missing.empty())
    throw stage::ConfigError(std::move(missing));
  outcome.plan = plan_reload(run.config, loaded.config, changed_secrets(instance, loaded));
  if (!outcome.plan.refused.empty()) throw stage::ConfigError(outcome.plan.refused);
  outcome.warnings = std::move(loaded.warnings);
  run.replaced = {run.sources, run.config, run.env_file, {}, kNever};
  take(instance, std::move(sources), std::move(loaded.config), std::move(loaded.env_file));
  ++instance.reloads;
  instance.reload_failure.clear();
  Nanos patience = 0;
  for (const std::string& name : outcome.plan.restarts) {
    Program* program = instance.find(name);
    if (program == nullptr || !program->wanted()) continue;  // its next start has the new values
    if (program->state() == State::kHeld) {
      outcome.left.push_back(
          fmt::format("{} is held by process {}: it keeps the old values", name, program->pid()));
      continue;
    }
    outcome.restarted.push_back({name, program->generation(), program->failed_starts()});
    patience = std::max(patience, program->launcher().start_deadline());
    program->restart();
  }
  run.replaced->restarted = outcome.restarted;
  run.replaced->until = instance.clock.now() + patience + kStopGrace;
  return outcome;
}

std::string settle_reload(Instance& instance) {
  RunContext& run = instance.run;
  if (!run.replaced) return {};
  const Nanos now = instance.clock.now();
  const Program* broken = nullptr;
  std::string why;
  bool settled = true;
  for (const RestartedProgram& before : run.replaced->restarted) {
    const Program* program = instance.find(before.name);
    if (!program->wanted() || program->held_by() >= 0) continue;  // somebody has it in hand
    if (program->ready() && program->generation() > before.generation) continue;
    settled = false;
    why = breakage(*program, before, now, run.replaced->until);
    if (why.empty()) continue;
    broken = program;
    break;
  }
  if (broken == nullptr || instance.phase >= Phase::kDraining) {
    if (settled) run.replaced.reset();
    return {};
  }
  instance.reload_failure = fmt::format("{} cannot run: {}: {}; the old configuration is back",
                                        broken->name(), why, instance.logs->last_line(broken->name()));
  ReplacedConfiguration old = std::move(*run.replaced);
  run.replaced.reset();
  take(instance, std::move(old.sources), std::move(old.config), std::move(old.env_file));
  for (const RestartedProgram& entry : old.restarted)
    if (Program* program = instance.find(entry.name); program->wanted() && program->held_by() < 0)
      program->restart();
  return instance.reload_failure;
}

}  // namespace prot::supervisor
