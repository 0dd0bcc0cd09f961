#include "instance.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace prot::supervisor {

Program* Instance::find(std::string_view name) const noexcept {
  for (const auto& program : programs)
    if (program->name() == name) return program.get();
  return nullptr;
}

bool Instance::all_ready() const noexcept {
  return std::all_of(programs.begin(), programs.end(), [](const auto& p) { return p->ready(); });
}

const char* Instance::state_name() const noexcept {
  if (phase == Phase::kStarting) return "starting";
  if (phase >= Phase::kDraining) return "draining";
  return all_ready() ? "ready" : "degraded";
}

std::string Instance::missing(std::string_view only) const {
  std::string names;
  for (const auto& program : programs)
    if (!program->ready() && (only.empty() || only == program->name()))
      names += fmt::format("{}{} ({}{})", names.empty() ? "" : ", ", program->name(),
                           ipc::to_string(program->state()), program->degraded() ? ", degraded" : "");
  return names;
}

}  // namespace prot::supervisor
