// DatabaseTask: what failed for good is kept for a person to see, but not for ever.
#include "base/log.hpp"
#include "queue/database_task.hpp"

namespace prot::memory {
namespace {
constexpr Nanos kHour = 3600 * kSecond;
}

void DatabaseTask::set_rejected_aside(const TurnRecord& record, const StoreError& error) {
  log_error("a {} was refused and is kept in {}/rejected: {}",
            record.kind == TurnRecord::Kind::kForget ? "wish to forget" : "message",
            folders_.own_spool.string(), error.what());
  refused_.add(record);
  next_look_at_dead_ = 0;
}

void DatabaseTask::drop_dead_letters(Nanos now) {
  if (now < next_look_at_dead_) return;
  next_look_at_dead_ = now + kHour;
  std::size_t gone = refused_.drop_old(folders_.dead, wall_());
  for (const std::filesystem::path& folder : {folders_.own_spool, folders_.brain_spool})
    gone += remove_old_files(folder, ".bad", folders_.dead, wall_());
  attempt([&] {
    gone += static_cast<std::size_t>(
        store_->drop_old_dead(static_cast<int>(folders_.dead.most), wall_() - folders_.dead.age));
  });
  if (gone == 0) return;
  dead_dropped_ += gone;
  log_warn("{} dead letters are dropped: too many, or too old (general.dead_letters, dead_letter_days)",
           gone);
}

}  // namespace prot::memory
