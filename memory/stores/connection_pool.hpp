#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "memory_store.hpp"

namespace prot::memory {

/// The connections to one database, for all of memory's threads. Thread-safe. A server that hangs is noticed
/// here: a lease on which no statement has begun for `patience` is cut, and what waits on it fails as kAway
/// (the server's own time-outs are of no use when it is the server that hangs). Invariant: at most `most`
/// connections, none of which connects anew by itself. Lifetime: longer than its leases.
class ConnectionPool {
 public:
  struct Limits {
    int least = 2;  // stay open when nobody needs them
    int most = 10;
    Nanos patience = 12 * kSecond;  // longer than a statement may take (statement_timeout)
  };
  explicit ConnectionPool(std::string conninfo) : ConnectionPool(std::move(conninfo), Limits()) {}
  ConnectionPool(std::string conninfo, Limits limits);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

 private:
  struct Entry {
    std::unique_ptr<pqxx::connection> connection;
    UniqueFd socket;               // a duplicate: libpq may close its own at any moment
    std::atomic<Nanos> since = 0;  // monotonic; when the newest statement began, or is to be waited for from
    std::set<const void*> known;   // statements that it has prepared; who has the lease uses it
    bool broken = false;           // protected by mutex_
  };

 public:
  /// A connection in somebody's hands; back in the pool with the object. One thread.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : pool_(other.pool_), entry_(std::exchange(other.entry_, nullptr)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] pqxx::connection& connection() const noexcept { return *entry_->connection; }
    /// It is of no use any more, and those that nobody uses may not be either.
    void set_broken() noexcept;
    /// Thread-safe while the lease lives: as if the server had gone.
    void cut() const noexcept;

   private:
    friend class ConnectionPool;
    Lease(ConnectionPool* pool, Entry* entry) noexcept : pool_(pool), entry_(entry) {}
    ConnectionPool* pool_;
    Entry* entry_;
  };

  /// For a connection of another kind to the same server, which is not the pool's, but counts as one of it.
  class Seat {
   public:
    Seat(Seat&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat() {
      if (pool_ != nullptr) pool_->leave_seat();
    }

   private:
    friend class ConnectionPool;
    explicit Seat(ConnectionPool* pool) noexcept : pool_(pool) {}
    ConnectionPool* pool_;
  };
  /// Waits for room. Throws StoreError (kAway).
  [[nodiscard]] Seat take_seat();
  /// Nobody else could have one now: who needs his only from time to time lets it go.
  [[nodiscard]] bool is_full() const;

  /// One that is free, else a new one, else waits for one. Throws StoreError (kAway), or what libpqxx throws.
  [[nodiscard]] Lease take();
  /// Those that nobody uses.
  void close_idle() noexcept;
  /// A statement begins on this thread's lease.
  static void touch() noexcept;
  /// This one and all that follow on this lease may take so much longer than others.
  static void allow(Nanos longer) noexcept;
  /// True at the first use of a statement on the connection of this thread's lease, which must then prepare
  /// it.
  [[nodiscard]] static bool is_new(const void* statement);
  /// From now on a server that hangs is noticed sooner, and when `left` is over every lease is cut and none
  /// is given: the process ends. The earliest such end counts.
  void end_within(Nanos left) noexcept;

  [[nodiscard]] PoolGauges gauges() const;
  /// For who has a seat.
  [[nodiscard]] const std::string& conninfo() const noexcept { return conninfo_; }

  static constexpr Nanos kConnectTime = 3 * kSecond;   // connect_timeout of every conninfo
  static constexpr Nanos kLastPatience = 6 * kSecond;  // longer than lock_timeout

 private:
  [[nodiscard]] std::unique_ptr<Entry> open();
  void leave_seat() noexcept;
  /// Waits until one of `idle_` or room for another is there. REQUIRES: `lock` holds mutex_.
  void wait_for_room(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] int all() const noexcept {
    return static_cast<int>(idle_.size() + used_.size()) + opening_ + seats_;
  }
  void give_back(Entry* entry) noexcept;
  void watch();
  void cut(Entry& entry) noexcept;

  std::string conninfo_;
  Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::condition_variable watch_;
  // Below: protected by mutex_.
  std::list<std::unique_ptr<Entry>> idle_;  // the one used last in front
  std::list<std::unique_ptr<Entry>> used_;
  int opening_ = 0;
  int seats_ = 0;
  Nanos end_at_ = kNever;
  std::uint64_t cut_ = 0;
  bool ended_ = false;
  std::jthread watcher_;  // last: it uses all of the above
};

}  // namespace prot::memory
