#include "observer.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "observe/process_facts.hpp"

namespace prot::web {

Report& Observer::look() {
  const Nanos now = clock_->now();
  if (looked_at_ != 0 && now - looked_at_ < kFresh) return report_;
  looked_at_ = now;
  read_run();
  read_programs();
  return report_;
}

void Observer::read_run() {
  try {
    if (!model_) model_ = std::make_unique<observe::RunModel>(instance_, *clock_);
    const std::string before = report_.run ? report_.run->run : std::string();
    report_.run = model_->read();
    report_.started = (report_.started && before == report_.run->run) || conversation_began(*report_.run);
    complained_.clear();
  } catch (const Error& error) {
    report_.run.reset();
    if (const std::string why = full_message(error); why != std::exchange(complained_, why))
      log_warn("the run cannot be read: {}", why);
  }
}

void Observer::read_programs() {
  report_.programs.clear();
  if (!report_.run) return;
  for (const observe::StageRow& row : report_.run->stages) {
    ProgramFacts& facts = report_.programs[row.name];
    facts.last_errors = last_errors(log_folder_, row.name);
    if (!row.alive) continue;
    facts.handles = process_handles(row.pid);
    facts.cpu_ns = observe::process_cpu(row.pid);
  }
}

}  // namespace prot::web
