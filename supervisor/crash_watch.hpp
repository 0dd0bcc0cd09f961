#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crash_report.hpp"
#include "log_store.hpp"

namespace prot::supervisor {

/// Makes a report of every death that nobody asked for. What a successor will change is taken down at the
/// death; the file is written afterwards, so that no restart waits for it. Single-threaded.
/// REQUIRES: `rings` and `logs` outlive it.
class CrashWatch {
 public:
  CrashWatch(const std::vector<ipc::RingSegment>& rings, LogStore& logs, std::filesystem::path folder,
             std::string run_id, const Clock& clock);

  struct Death {
    std::string stage;
    std::uint32_t generation = 0;
    pid_t pid = 0;
    ExitStatus status;
    std::string what;  // "was killed by SIGSEGV"
    Nanos started_at = 0;
    bool was_ready = false;
  };
  /// Before the successor starts.
  void on_death(const Death& death);
  /// The build id of what runs as `stage` now, before its file is replaced by another build.
  void on_ready(const std::string& stage, std::uint32_t generation, pid_t pid);
  [[nodiscard]] bool pending() const noexcept { return !pending_.empty(); }
  struct Aftermath {
    std::string decision;    // what became of the stage
    std::string executable;  // for one that was never ready; may be empty
  };
  /// After it; `aftermath` gives nothing while that is not known yet. Returns a line for people when reports
  /// cannot be written, once.
  using Ask = std::function<std::optional<Aftermath>(const std::string& stage)>;
  [[nodiscard]] std::string write(const Ask& aftermath);

 private:
  struct Pending {
    CrashReport report;
    std::uint64_t newest_line = 0;
  };
  struct Build {
    std::uint32_t generation = 0;
    std::string id;
  };
  const std::vector<ipc::RingSegment>* rings_;
  LogStore* logs_;
  std::filesystem::path folder_;
  std::string run_id_;
  const Clock* clock_;
  std::vector<Pending> pending_;
  std::map<std::string, Build> builds_;
  bool failed_ = false;
};

}  // namespace prot::supervisor
