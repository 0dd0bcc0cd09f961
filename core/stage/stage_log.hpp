#pragma once

#include <atomic>
#include <cstdint>

#include "base/log_record.hpp"
#include "stage/config.hpp"
#include "stage/context.hpp"

namespace prot::stage {

/// Keeps out of every log line of this process what nobody may read there: keys and tokens of the
/// environment, passwords of the configuration. Sets whether content may be logged (general.log_content).
void prepare_log(const Config& config);

/// Ties this process' log to the board while a stage runs: generation, the voice turn that is under way, and
/// the level, which the supervisor may change. One thread, the loop's. Lifetime: shorter than the context.
class StageLog {
 public:
  explicit StageLog(StageContext& context);
  ~StageLog();
  StageLog(const StageLog&) = delete;
  StageLog& operator=(const StageLog&) = delete;

  /// Each duty cycle: was the level changed?
  void look() noexcept {
    const std::uint32_t wanted = wanted_->load(std::memory_order_relaxed);
    if (wanted != seen_) change(wanted);
  }

 private:
  void change(std::uint32_t wanted) noexcept;

  const std::atomic<std::uint32_t>* wanted_;  // on the board: 0 as configured, 1 + LogLevel
  std::uint32_t seen_ = 0;
  LogLevel configured_;
};

}  // namespace prot::stage
