#include "queue/database_task.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "knowledge/names.hpp"

namespace prot::memory {
namespace {

constexpr Nanos kFirstBackOff = 100 * kMillisecond;
constexpr Nanos kMaxBackOff = 2 * kSecond;
constexpr Nanos kPeriod = 5 * kSecond;
constexpr int kPage = 500;
constexpr std::size_t kReplayBatch = 200;
constexpr int kMaxFacts = 5000;
constexpr int kMaxPast = 1000;
constexpr int kMaxEntities = 5000;
constexpr int kMaxFound = 24;
constexpr int kMaxCommunities = 500;

std::vector<Message> finished_messages(std::span<const TurnRecord> records) {
  std::vector<Message> messages;
  for (const TurnRecord& record : records)
    if (std::optional<Message> message = message_of(record); message) messages.push_back(std::move(*message));
  for (const TurnRecord& wish : records)
    if (wish.kind == TurnRecord::Kind::kForget)
      std::erase_if(messages, [&](const Message& message) {
        return message.key.conversation == wish.key.conversation &&
               message.key.sequence >= wish.key.sequence && message.key.sequence <= wish.last_sequence;
      });
  return messages;
}

}  // namespace

DatabaseTask::DatabaseTask(MemoryStore& store, Folders folders, std::function<Nanos()> wall, ModelUse budget)
    : store_(&store),
      folders_(std::move(folders)),
      wall_(std::move(wall)),
      spool_(folders_.own_spool),
      refused_(folders_.own_spool),
      answers_(folders_.own_spool),
      budget_(budget) {
  if (!folders_.log.empty()) log_.emplace(folders_.log, folders_.log_limits);
}

bool DatabaseTask::attempt(const std::function<void()>& action) {
  if (!up_) return false;
  try {
    action();
    return true;
  } catch (const StoreError& e) {
    if (e.kind() == StoreError::Kind::kRejected)
      log_error("{}: {}", store_->name(), e.what());  // it is there, and does not want this
    else
      lost(e);
    return false;
  }
}

void DatabaseTask::lost(const StoreError& error) {
  if (up_) log_warn("{}; messages go to the spool until it is back", error.what());
  up_ = false;
  back_off_ = kFirstBackOff;
  next_tick_ = 0;
  store_->close();
}

void DatabaseTask::connect(Nanos now, std::vector<Told>& told) {
  const Nanos last_back_off = back_off_;
  const bool first_failure = last_back_off == 0;
  try {
    store_->connect();
    up_ = true;
    replay(told);
    finish_what_waits(told);
    attempt([&] { book_use(); });
    free_leases();
    if (!loaded_) load_page(told);
    run_applies(told);
    if (!up_) {  // lost again, while it was asked
      back_off_ = std::clamp(2 * last_back_off, kFirstBackOff, kMaxBackOff);
      next_tick_ = now + back_off_;
      return report(told);
    }
    log_info("{}: connected{}", store_->name(),
             replayed_ != 0 ? ", " + std::to_string(replayed_) + " records replayed in " +
                                  std::to_string(replay_time_ / kMillisecond) + " ms"
                            : "");
    back_off_ = 0;
    problem_.clear();
    next_tick_ = now + kPeriod;
    report(told);
  } catch (const StoreError& e) {
    // What only a person can mend is said once, however often it is met.
    const bool news = std::exchange(problem_, e.what()) != e.what();
    if (first_failure || (news && e.kind() == StoreError::Kind::kBroken))
      log_warn("{}; messages go to the spool until it is back", e.what());
    up_ = false;
    store_->close();
    count_left();
    back_off_ = std::clamp(2 * back_off_, kFirstBackOff, kMaxBackOff);
    next_tick_ = now + back_off_;
    report(told);
  }
}

void DatabaseTask::tick(Nanos now, std::vector<Told>& told) {
  if (now < next_tick_) return;
  if (!up_) {
    connect(now, told);
  } else {
    next_tick_ = now + kPeriod;
    attempt([&] {
      replay(told);
      keep_lease(now);
      store_->reap(wall_(), Freed::kOver, held_);
    });
    drop_dead_letters(now);
    run_applies(told);  // whose lease was over
    attempt([&] { report(told); });
  }
  flush(told);  // what even the spool refused before
}

/// Once, where it cannot be replayed at once: nobody may read "nothing is left" from a process that has just
/// begun.
void DatabaseTask::count_left() {
  if (std::exchange(left_counted_, true)) return;
  spooled_ += waiting_records(folders_.own_spool, SpoolForm::kSpool) +
              waiting_records(folders_.brain_spool, SpoolForm::kFrames);
}

void DatabaseTask::replay(std::vector<Told>& told) {
  const Nanos begin = monotonic_now();
  const std::uint64_t before = replayed_;
  spool_.close_file();
  replay_folder(folders_.own_spool, SpoolForm::kSpool, told);
  replay_folder(folders_.brain_spool, SpoolForm::kFrames, told);
  spooled_ = 0;
  left_counted_ = true;
  if (replayed_ != before) replay_time_ += monotonic_now() - begin;
}

void DatabaseTask::replay_folder(const std::filesystem::path& folder, SpoolForm form,
                                 std::vector<Told>& told) {
  for (const std::filesystem::path& path : spool_files(folder, extension_of(form))) {
    try {
      SpoolFile file(path);
      if (!file.locked()) continue;
      SpoolReader reader(form, file.records());
      while (true) {
        const std::vector<TurnRecord> batch = reader.next(kReplayBatch);
        if (batch.empty()) break;
        store_records(batch, told);
        // What waited in the own spool was written when it came.
        if (log_ && form == SpoolForm::kFrames) log_->append(finished_messages(batch));
        replayed_ += batch.size();
        // Before the load they would count as the oldest, which the index gives up first; it brings them.
        if (load_cursor_ != 0 || loaded_) told.emplace_back(told::Stored{0, finished_messages(batch)});
      }
      if (const std::string problem = reader.problem(); !problem.empty()) {
        log_error("{}: {}; all else of it is stored, the file is kept as .bad", path.string(), problem);
        file.set_aside();
      } else {
        file.remove();
      }
    } catch (const StoreError&) {
      throw;
    } catch (const Error& e) {
      log_error("replaying the spool: {}", e.what());
    }
  }
}

void DatabaseTask::load_page(std::vector<Told>& told) {
  std::vector<Message> page = store_->next_messages(&load_cursor_, kPage);
  loaded_ = page.empty();
  told.emplace_back(told::Loaded{std::move(page), loaded_});
  if (!loaded_) return;
  tell_facts(told);
  told.emplace_back(told::Communities{store_->communities(kMaxCommunities)});
}

void DatabaseTask::tell_facts(std::vector<Told>& told) {
  told::Facts known{store_->active_facts(kMaxFacts), store_->past_facts(kMaxPast), {}};
  known.names = names_of(known.facts, store_->entities(kMaxEntities));
  told.emplace_back(std::move(known));
}

/// In order: what comes behind a wish to forget may be remembered.
void DatabaseTask::store_records(std::span<const TurnRecord> records, std::vector<Told>& told) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].kind != TurnRecord::Kind::kForget) continue;
    if (i > begin) store_messages(records.subspan(begin, i - begin));
    begin = i + 1;
    ForgetTarget target;
    target.conversation = records[i].key.conversation;
    target.first = records[i].key.sequence;
    target.last = records[i].last_sequence;
    try {
      (void)forget(target, false, told);
    } catch (const StoreError& e) {  // nobody else waits for a wish that cannot be granted
      if (e.kind() == StoreError::Kind::kAway) throw;
      set_rejected_aside(records[i], e);
    }
  }
  if (begin < records.size()) store_messages(records.subspan(begin));
}

/// One transaction; when the store refuses the data, one for each record.
void DatabaseTask::store_messages(std::span<const TurnRecord> records) {
  try {
    store_->append(records, wall_());
    return;
  } catch (const StoreError& e) {
    if (e.kind() != StoreError::Kind::kRejected) throw;
  }
  for (const TurnRecord& record : records) {
    try {
      store_->append({&record, 1}, wall_());
    } catch (const StoreError& e) {
      if (e.kind() != StoreError::Kind::kRejected) throw;
      set_rejected_aside(record, e);
    }
  }
}

void DatabaseTask::flush(std::vector<Told>& told) {
  if (pending_.empty()) return;
  std::vector<TurnRecord> records;
  for (const ask::Store& store : pending_) records.push_back(store.record);
  try {
    if (!attempt([&] { store_records(records, told); })) {
      count_left();
      spool_.append(records);
      forget_in_spools(records, told);
      spooled_ += records.size();
    }
  } catch (const Error& e) {
    // Neither database nor disk: the frames stay in the ring, and brain spools when that is full.
    if (!std::exchange(spool_fails_, true)) {
      log_error("{}: what is said waits in the ring; trying again", e.what());
      report(told);
    }
    next_tick_ = std::min(next_tick_, monotonic_now() + kSecond);
    return;
  }
  if (std::exchange(spool_fails_, false)) {
    log_info("what waited in the ring is kept again");
    report(told);
  }
  told::Stored stored{pending_.back().frame, finished_messages(records)};
  if (log_) log_->append(stored.messages);
  told.emplace_back(std::move(stored));
  pending_.clear();
}

void DatabaseTask::report(std::vector<Told>& told) {
  told::Gauges gauges{{}, up_, spooled_, replayed_, replay_time_, {}};
  gauges.spool_fails = spool_fails_;
  gauges.dead_dropped = dead_dropped_;
  gauges.refused = refused_.count();
  if (up_) known_ = gauges.counts = store_->counts();
  gauges.pool = store_->pool();
  gauges.today = today_;
  told.emplace_back(gauges);
}

void DatabaseTask::handle(std::vector<Ask> asks, std::vector<Told>& told) {
  for (Ask& next : asks) {
    if (auto* store = std::get_if<ask::Store>(&next)) {
      pending_.push_back(std::move(*store));
      continue;
    }
    flush(told);
    std::visit(
        [&](const auto& question) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(question)>, ask::Store>) on(question, told);
        },
        next);
  }
  const bool stored = !pending_.empty();
  flush(told);
  if (stored) attempt([&] { report(told); });
}

void DatabaseTask::on(const ask::LoadMore&, std::vector<Told>& told) {
  if (!loaded_) attempt([&] { load_page(told); });  // else the next connection goes on with it
}

void DatabaseTask::on(const ask::Search& search, std::vector<Told>& told) {
  told::Found found{search, {}};
  attempt([&] { found.messages = store_->find_messages(search.words, search.before, kMaxFound); });
  told.emplace_back(std::move(found));
}

void DatabaseTask::on(const ask::Reads& reads, std::vector<Told>&) {
  attempt([&] { store_->mark_read(reads.facts, wall_()); });
}

void DatabaseTask::on(const ask::History& question, std::vector<Told>& told) {
  told::History history{question, false, {}};
  history.failed =
      !attempt([&] { history.messages = store_->history(question.conversation, question.max_messages); });
  told.emplace_back(std::move(history));
}

void DatabaseTask::tell_communities(std::vector<Told>& told) {
  attempt([&] { told.emplace_back(told::Communities{store_->communities(kMaxCommunities)}); });
}

void DatabaseTask::on(const ask::ClaimCommunity& claim, std::vector<Told>& told) {
  told::CommunityClaimed claimed;
  bool fresh = false;
  attempt([&] {
    if (claim.plan) fresh = store_->plan_generation(plan_communities(store_->graph()));
    if (!over_budget()) claimed.task = store_->next_community();
  });
  // A plan whose summaries are all there already is read at once.
  if (fresh && !claimed.task) tell_communities(told);
  told.emplace_back(std::move(claimed));
}

void DatabaseTask::on(const ask::Close&, std::vector<Told>& told) {
  if (!up_) connect(monotonic_now(), told);  // a last try, so that the spool need not wait for the next start
  told::Closed closed;
  if (!attempt([&] { closed.counts = store_->counts(); })) closed.counts = known_;
  closed.spooled = spooled_;
  store_->close();
  up_ = false;
  next_tick_ = kNever;
  told.emplace_back(closed);
}

}  // namespace prot::memory
