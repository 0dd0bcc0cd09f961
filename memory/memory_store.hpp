#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "desk/keeper.hpp"
#include "knowledge/entity_store.hpp"
#include "recall/memory_records.hpp"

namespace prot::memory {

/// kAway: no connection, or the server cannot work now: try again later. kRejected: this data will never be
/// taken. kBroken: the store itself is wrong (schema, rights).
class StoreError : public Error {
 public:
  enum class Kind { kAway, kRejected, kBroken };
  StoreError(Kind kind, const std::string& what) : Error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// Of a store's connections.
struct PoolGauges {
  std::uint64_t size = 0;
  std::uint64_t free = 0;
  std::uint64_t most = 0;
  std::uint64_t cut = 0;  // because their server did not answer any more
};

/// Which leases are freed, beside those that are over.
///   kPredecessors  all of this owner's: the process that had them has ended
///   kStray         those of this owner that nobody in this process has: it never heard the answer to its
///                  claim, or the connection broke while one was applied. That was no attempt
enum class Freed { kOver, kPredecessors, kStray };

/// A job's life:
///   state  | claim          | finish / apply    | give_back       | fail          | lease over, owner back
///   ready  | leased, att.+1 | lost (false)      | lost            | lost          | -
///   leased | -              | done (+ apply job)| ready, att.-1   | ready or dead | ready (reap)
///   done   | -              | lost              | lost            | lost          | -
///   dead   | -              | lost              | lost            | lost          | -
/// "lost": the lease (token) is no longer the caller's; nothing changes, the result is discarded.
///
/// Where messages, jobs and facts live. Blocking; one thread (the database worker). Every call is one
/// transaction: it happened or it did not. All throw StoreError. `now` is wall time: jobs are due, leases end
/// by it.
class MemoryStore : public EntityStore {
 public:
  /// Opens, and brings the schema up to date (forward only; running it twice changes nothing).
  virtual void connect() = 0;
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual const char* name() const noexcept = 0;

  /// Stores records in order; those known already change nothing. A user's message brings its extract job,
  /// due `patience` later or when its reply ends.
  virtual void append(std::span<const TurnRecord> records, Nanos now) = 0;
  /// Finished messages with text, oldest first, after `*cursor`, which moves on; empty: that was all.
  virtual std::vector<Message> next_messages(std::int64_t* cursor, int limit) = 0;
  /// Finished messages not after `before` that have a word which begins with one of `words`
  /// (word_beginnings), at most `limit`, those with the most first, then the newest. Of very many the newest
  /// are looked at.
  virtual std::vector<Message> find_messages(std::span<const std::string> words, Nanos before, int limit) = 0;
  /// The newest `limit` messages of a conversation, oldest first, open ones too.
  virtual std::vector<Message> history(const wire::ConversationId& conversation, int limit) = 0;

  /// Leases the job of this kind that is due longest. `ignore_due`: those that wait as well (drain).
  virtual std::optional<Job> claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) = 0;
  /// The exchanges that follow it in its conversation, have been tried as often and are due come under the
  /// same lease, at most `most` with it: they are answered, given back and fail together.
  virtual void claim_more(Job* job, Nanos now, Nanos lease, bool ignore_due, int most) = 0;
  /// An extract job is answered: keeps the raw answer, adds the apply job. False: lease lost.
  virtual bool finish_extract(const Job& job, const std::string& answer, Nanos now) = 0;
  /// An apply job's writes and its end. Applying the same twice changes nothing. False: lease lost.
  virtual bool apply(const Job& job, const Extraction& extraction, Nanos now) = 0;
  /// Back to ready at once; the attempt does not count.
  virtual bool give_back(const Job& job, Nanos due) = 0;
  /// Tried and failed: ready again at `due`, or dead for good.
  virtual bool fail(const Job& job, const std::string& error, Nanos due, bool dead) = 0;
  /// Dead jobs that died before `before`, and the oldest of more than `most`, are done with: how many.
  virtual int drop_old_dead(int most, Nanos before) = 0;
  /// Its job is still being worked at. False: lease lost.
  virtual bool renew(const std::string& token, Nanos until) = 0;
  /// Frees leases, but for the one whose token is `held` (empty: none is).
  virtual int reap(Nanos now, Freed which, const std::string& held) = 0;

  /// Of the day (UTC) of `now`.
  virtual ModelUse model_use(Nanos now) = 0;
  virtual void add_model_use(const ModelUse& more, Nanos now) = 0;

  virtual std::vector<Fact> active_facts(int limit) = 0;
  /// They were told to the model, once more.
  virtual void mark_read(std::span<const std::int64_t> facts, Nanos now) = 0;
  virtual Counts counts() = 0;

  /// Forgets, for good: a replay of what was forgotten changes nothing. `dry_run`: only says what that would
  /// be. A record of the kind kForget is not for append(), but for this.
  virtual Forgotten forget(const ForgetTarget& target, Nanos now, bool dry_run) = 0;
  /// Thread-safe, and never waits: the process ends, and no call may last longer than that. What its server
  /// does not answer any more fails as kAway, and so does what comes after.
  virtual void end_within(Nanos left) noexcept { (void)left; }
  [[nodiscard]] virtual PoolGauges pool() const { return {}; }
  /// Null: a person cannot look into this store.
  [[nodiscard]] virtual Keeper* keeper() noexcept { return nullptr; }
};

/// What waits for a time further ahead than this was put there by a clock that was wrong: it waits no longer.
inline constexpr Nanos kFarAhead = 3600 * kSecond;
/// A user's message whose reply never ends is extracted after this.
inline constexpr Nanos kExchangePatience = 120 * kSecond;

}  // namespace prot::memory
