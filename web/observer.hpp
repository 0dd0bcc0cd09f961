#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "observe/run_model.hpp"
#include "report.hpp"

namespace prot::web {

/// Reads the run from outside, as prot-top does: shared memory, /proc and log files, all read-only. Looks at
/// most every kFresh, however many ask. One thread. Lifetime: the clock lives longer.
class Observer {
 public:
  static constexpr Nanos kFresh = 250 * kMillisecond;

  /// `wanted`: the stages of the run.
  Observer(std::string instance, std::filesystem::path log_folder, std::vector<std::string> wanted,
           const Clock& clock)
      : instance_(std::move(instance)), log_folder_(std::move(log_folder)), clock_(&clock) {
    report_.wanted = std::move(wanted);
  }

  /// What there is, at most kFresh old.
  [[nodiscard]] Report& look();

 private:
  void read_run();
  void read_programs();

  std::string instance_;
  std::filesystem::path log_folder_;
  const Clock* clock_;
  std::unique_ptr<observe::RunModel> model_;
  Report report_;
  std::string complained_;  // why the run cannot be read, told once
  Nanos looked_at_ = 0;
};

}  // namespace prot::web
