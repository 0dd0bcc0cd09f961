// MemoryStage: what the model may be asked, and how long the database is waited for.
#include "memory_stage.hpp"

namespace prot::memory {
namespace {
constexpr Nanos kHurry = 1500 * kMillisecond;  // for the database, when nobody waits
}

ModelUse MemoryStage::daily_budget() const {
  return {static_cast<std::uint64_t>(context_->config().get_int("memory.daily_calls")),
          1000 * static_cast<std::uint64_t>(context_->config().get_int("memory.daily_kilotokens"))};
}

// A database that hangs is not waited for: what it does not take is in the spool.
void MemoryStage::limit_storing(Nanos now) {
  const bool hurried = context_->drain() == ipc::Drain::kNow;
  if (drain_began_ != 0 && (!hurried || storing_hurried_)) return;
  const stage::Config& config = context_->config();
  const double seconds =
      config.get_double("memory.drain_store_s") + config.get_double("memory.drain_model_s");
  database_->end_within(hurried ? kHurry : static_cast<Nanos>(seconds * kSecond));
  if (drain_began_ == 0) drain_began_ = now;
  storing_hurried_ = hurried;
}

}  // namespace prot::memory
