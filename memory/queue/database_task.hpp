#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/old_files.hpp"
#include "memory_store.hpp"
#include "queue/answer_spool.hpp"
#include "queue/conversation_log.hpp"
#include "queue/database_asks.hpp"
#include "queue/refused.hpp"
#include "queue/spool.hpp"
#include "safety/scrub.hpp"

namespace prot::memory {

/// The database's side of memory: connection, spool, replay, jobs. No thread of its own; the worker's thread
/// drives it, a test by hand.
///
///   state | Store      | others            | tick
///   down  | spool      | nothing / failed  | connect (back-off) -> migrate, replay, free leases -> up
///   up    | one commit | done              | brain's spool, leases that are over, gauges
///   A call that fails because the store is away: up -> down, and the call is answered as in down.
class DatabaseTask {
 public:
  struct Folders {
    std::filesystem::path own_spool;    // state/spool/memory
    std::filesystem::path brain_spool;  // state/spool/brain
    ScrubFolders said = {};             // where else something that was said may stand
    std::filesystem::path log = {};     // of the conversations; empty: none is kept
    ConversationLog::Limits log_limits = {};
    KeptFiles dead = {};  // letters and jobs
  };
  /// `budget`: what the model may be asked on a day; 0: as much as it likes. Past it no job is given out.
  DatabaseTask(MemoryStore& store, Folders folders, std::function<Nanos()> wall, ModelUse budget = {});

  void handle(std::vector<Ask> asks, std::vector<Told>& told);
  /// Periodic work; `now` monotonic.
  void tick(Nanos now, std::vector<Told>& told);
  [[nodiscard]] Nanos next_tick() const noexcept { return next_tick_; }
  [[nodiscard]] bool up() const noexcept { return up_; }

 private:
  void connect(Nanos now, std::vector<Told>& told);
  void lost(const StoreError& error);
  void finish_what_waits(std::vector<Told>& told);
  template <typename Finish>
  void keep_answer(const Finish& finish, std::vector<Finish>& unfinished);
  void read_answers();
  bool finish_extract(const ask::Finish& finish, std::vector<Told>& told);
  bool finish_summary(const ask::FinishCommunity& finish, std::vector<Told>& told);
  void count_left();
  void replay(std::vector<Told>& told);
  void replay_folder(const std::filesystem::path& folder, SpoolForm form, std::vector<Told>& told);
  void load_page(std::vector<Told>& told);
  void flush(std::vector<Told>& told);
  void store_records(std::span<const TurnRecord> records, std::vector<Told>& told);
  void store_messages(std::span<const TurnRecord> records);
  void set_rejected_aside(const TurnRecord& record, const StoreError& error);
  void report(std::vector<Told>& told);
  bool attempt(const std::function<void()>& action);
  void drop_dead_letters(Nanos now);  // dead_letters.cpp
  [[nodiscard]] bool over_budget();
  void book_use();

  // database_jobs.cpp
  void free_leases();
  void keep_lease(Nanos now);
  [[nodiscard]] std::optional<Job> claim(JobKind kind, Nanos lease, bool ignore_due);
  void run_applies(std::vector<Told>& told);
  bool apply(const Job& job);

  // database_forget.cpp
  Forgotten forget(const ForgetTarget& target, bool dry_run, std::vector<Told>& told);
  void forget_in_spools(std::span<const TurnRecord> records, std::vector<Told>& told);
  void forget_answers(const TurnRecord& forget);
  void load_again(std::vector<Told>& told);

  void on(const ask::LoadMore& more, std::vector<Told>& told);
  void on(const ask::Search& search, std::vector<Told>& told);
  void on(const ask::History& question, std::vector<Told>& told);
  void on(const ask::Claim& claim, std::vector<Told>& told);
  void on(const ask::Finish& finish, std::vector<Told>& told);
  void on(const ask::GiveBack& back, std::vector<Told>& told);
  void on(const ask::Fail& fail, std::vector<Told>& told);
  void on(const ask::ClaimCommunity& claim, std::vector<Told>& told);
  void on(const ask::FinishCommunity& finish, std::vector<Told>& told);
  void tell_communities(std::vector<Told>& told);
  void tell_facts(std::vector<Told>& told);
  void on(const ask::Reads& reads, std::vector<Told>& told);
  void on(const ask::Use& use, std::vector<Told>& told);
  void on(const ask::Command& command, std::vector<Told>& told);
  void on(const ask::Close& close, std::vector<Told>& told);

  MemoryStore* store_;
  Folders folders_;
  std::function<Nanos()> wall_;
  SpoolWriter spool_;
  Refused refused_;
  std::optional<ConversationLog> log_;
  std::vector<ask::Store> pending_;
  // Answers whose connection broke; on the disk as well, as far as it takes them.
  AnswerSpool answers_;
  std::vector<ask::Finish> unfinished_;
  std::vector<ask::FinishCommunity> unfinished_summaries_;
  bool answers_read_ = false;  // those of the predecessor
  std::string held_;           // the token of the job that the loop has; empty: none
  Nanos renew_at_ = 0;         // monotonic
  bool up_ = false;
  bool connected_before_ = false;
  bool loaded_ = false;
  std::int64_t load_cursor_ = 0;
  Nanos back_off_ = 0;
  std::string problem_;       // why it cannot connect, as it was logged last
  bool spool_fails_ = false;  // it was told
  Nanos next_tick_ = 0;
  ModelUse budget_;
  ModelUse today_;     // of day_, what is not booked included
  ModelUse unbooked_;  // the database was away
  Nanos day_ = -1;
  bool over_told_ = false;
  Counts known_;  // as last heard
  Nanos replay_time_ = 0;
  std::uint64_t spooled_ = 0;  // records that wait in files
  bool left_counted_ = false;  // those of earlier processes among them
  std::uint64_t replayed_ = 0;
  std::uint64_t dead_dropped_ = 0;
  Nanos next_look_at_dead_ = 0;  // monotonic
};

}  // namespace prot::memory
