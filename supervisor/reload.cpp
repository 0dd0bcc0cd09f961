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

void remember(std::vector<std::pair<std::string, std::uint32_t>>& all,
              const std::pair<std::string, std::uint32_t>& one) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == one.first; });
  if (found == all.end()) {
    all.push_back(one);
  } else {
    found->second = one.second;
  }
}

}  // namespace

std::string ConfigChange::text() const {
  if (secret) return name + ": changed";
  const auto shown = [](const std::string& value) { return value.empty() ? "\"\"" : value; };
  return name + ": " + shown(from) + " -> " + shown(to);
}

ReloadPlan plan_reload(const stage::Config& from, const stage::Config& to,
                       const std::vector<SecretChange>& secrets) {
  ReloadPlan plan;
  const std::vector<std::string> come_or_go = difference(from, to);
  for (const ConfigKey& key : stage::config_keys()) {
    const std::string& before = from.text(key.name);
    const std::string& after = to.text(key.name);
    if (before == after) continue;
    plan.changes.push_back({std::string(key.name), before, after, key.secret});
    if (!key.live) add_words(plan.restarts, key.programs);
    if (key.fixed) {
      plan.refused.push_back(placed(to, key) + " " + kAfterRestart);
    } else if (!come_or_go.empty() && (key.name == "brain.url" || key.name == "memory.database_url")) {
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

ReloadOutcome reload(Instance& instance, const std::string& env_file) {
  if (instance.phase >= Phase::kDraining) throw Error("the instance is stopping");
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
  // Two reloads in a row go back to what worked last.
  if (!run.replaced) run.replaced = {run.sources, run.config, run.env_file, {}};
  take(instance, std::move(sources), std::move(loaded.config), std::move(loaded.env_file));
  ++instance.reloads;
  instance.reload_failure.clear();
  for (const std::string& name : outcome.plan.restarts) {
    Program* program = instance.find(name);
    if (program == nullptr || !program->wanted()) continue;  // its next start has the new values
    if (program->state() == State::kHeld) {
      outcome.left.push_back(
          fmt::format("{} is held by process {}: it keeps the old values", name, program->pid()));
      continue;
    }
    outcome.restarted.emplace_back(name, program->generation());
    remember(run.replaced->restarted, outcome.restarted.back());
    program->restart();
  }
  return outcome;
}

std::string settle_reload(Instance& instance) {
  RunContext& run = instance.run;
  if (!run.replaced) return {};
  const Program* broken = nullptr;
  bool settled = true;
  for (const auto& [name, before] : run.replaced->restarted) {
    const Program* program = instance.find(name);
    if (!program->wanted()) continue;  // somebody has stopped it
    if (program->state() == State::kFailed) broken = program;
    settled = settled && program->ready() && program->generation() > before;
  }
  if (broken == nullptr || instance.phase >= Phase::kDraining) {
    if (settled) run.replaced.reset();
    return {};
  }
  instance.reload_failure =
      fmt::format("{} cannot run: {}: {}; the old configuration is back", broken->name(),
                  broken->last_error(), instance.logs->last_line(broken->name()));
  ReplacedConfiguration old = std::move(*run.replaced);
  run.replaced.reset();
  take(instance, std::move(old.sources), std::move(old.config), std::move(old.env_file));
  for (const auto& entry : old.restarted)
    if (Program* program = instance.find(entry.first); program->wanted() && program->state() != State::kHeld)
      program->restart();
  return instance.reload_failure;
}

}  // namespace prot::supervisor
