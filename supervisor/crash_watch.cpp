#include "crash_watch.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "build_id.hpp"

namespace prot::supervisor {

CrashWatch::CrashWatch(const std::vector<ipc::RingSegment>& rings, LogStore& logs,
                       std::filesystem::path folder, std::string run_id, const Clock& clock)
    : rings_(&rings), logs_(&logs), folder_(std::move(folder)), run_id_(std::move(run_id)), clock_(&clock) {}

void CrashWatch::on_ready(const std::string& stage, std::uint32_t generation, pid_t pid) {
  builds_[stage] = {generation, build_id_of(fmt::format("/proc/{}/exe", pid))};
}

void CrashWatch::on_death(const Death& death) {
  const Nanos now = clock_->now();
  Pending pending;
  CrashReport& report = pending.report;
  report.stage = death.stage;
  report.run = run_id_;
  report.what = death.what;
  report.generation = death.generation;
  report.pid = death.pid;
  report.status = death.status;
  report.was_ready = death.was_ready;
  report.wall_ns = wall_now();
  report.uptime = now - death.started_at;
  report.rings = positions_of(*rings_, death.stage);
  report.frame = frame_in_hand(*rings_, death.stage, death.generation, now);
  pending.newest_line = logs_->newest();
  pending_.push_back(std::move(pending));
}

std::string CrashWatch::write(const Ask& aftermath) {
  std::string line;
  for (Pending& pending : std::exchange(pending_, {})) {
    CrashReport& report = pending.report;
    const std::optional<Aftermath> after = aftermath(report.stage);
    if (!after) {
      pending_.push_back(std::move(pending));
      continue;
    }
    report.decision = after->decision;
    const Build& build = builds_[report.stage];
    report.build_id = build.generation == report.generation ? build.id : build_id_of(after->executable);
    report.log = logs_->lines_until(report.stage, pending.newest_line);
    try {
      write_crash_report(folder_, report.id(), to_json(report));
      failed_ = false;
      logs_->append_line("supervisor", fmt::format("crash report: prot crash show {}", report.id()));
    } catch (const Error& e) {
      if (!std::exchange(failed_, true)) line = fmt::format("no crash report: {}", e.what());
    }
  }
  return line;
}

}  // namespace prot::supervisor
