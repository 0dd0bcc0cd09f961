#include "stores/connection_pool.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>

#include "base/log.hpp"

namespace prot::memory {
namespace {

constexpr int kLooksPerPatience = 4;
constexpr Nanos kShortestLook = 50 * kMillisecond;

struct Leased {
  std::atomic<Nanos>* newest_statement = nullptr;
  std::set<const void*>* known_statements = nullptr;
  Nanos longer = 0;
};

thread_local Leased leased;  // of this thread's lease

StoreError away(const std::string& why) { return {StoreError::Kind::kAway, "database: " + why}; }

}  // namespace

ConnectionPool::ConnectionPool(std::string conninfo, Limits limits)
    : conninfo_(std::move(conninfo)), limits_(limits), watcher_([this] { watch(); }) {}

ConnectionPool::~ConnectionPool() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  watch_.notify_one();
}

std::unique_ptr<ConnectionPool::Entry> ConnectionPool::open() {
  auto entry = std::make_unique<Entry>();
  entry->connection = std::make_unique<pqxx::connection>(conninfo_);
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  // It would come back on another socket, unseen.
  entry->connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
#endif
  entry->socket.reset(::fcntl(entry->connection->sock(), F_DUPFD_CLOEXEC, 0));
  return entry;
}

void ConnectionPool::wait_for_room(std::unique_lock<std::mutex>& lock) {
  const auto over = [this] { return monotonic_now() >= end_at_; };
  const auto limit = std::chrono::nanoseconds(limits_.patience);
  if (!freed_.wait_for(lock, limit, [&] { return over() || !idle_.empty() || all() < limits_.most; }))
    throw away("all " + std::to_string(limits_.most) + " connections are in use");
  if (over()) throw away("the process ends");
}

ConnectionPool::Seat ConnectionPool::take_seat() {
  std::list<std::unique_ptr<Entry>> gone;  // closed outside the lock
  std::unique_lock lock(mutex_);
  wait_for_room(lock);
  if (end_at_ != kNever && end_at_ - monotonic_now() < kConnectTime) throw away("the process ends");
  if (all() >= limits_.most) gone.splice(gone.begin(), idle_, std::prev(idle_.end()));
  ++seats_;
  lock.unlock();
  return Seat(this);
}

void ConnectionPool::leave_seat() noexcept {
  {
    const std::lock_guard lock(mutex_);
    --seats_;
  }
  freed_.notify_one();
}

bool ConnectionPool::is_full() const {
  const std::lock_guard lock(mutex_);
  return all() >= limits_.most;
}

ConnectionPool::Lease ConnectionPool::take() {
  std::unique_lock lock(mutex_);
  wait_for_room(lock);
  if (idle_.empty()) {
    // One that would be opened beyond the end cannot be called back.
    if (end_at_ != kNever && end_at_ - monotonic_now() < kConnectTime) throw away("the process ends");
    ++opening_;
    lock.unlock();
    std::unique_ptr<Entry> entry;
    try {
      entry = open();
    } catch (...) {
      lock.lock();
      --opening_;
      freed_.notify_one();
      throw;
    }
    lock.lock();
    --opening_;
    idle_.push_front(std::move(entry));
  }
  used_.splice(used_.begin(), idle_, idle_.begin());
  Entry* const entry = used_.front().get();
  entry->since = monotonic_now();
  leased = {&entry->since, &entry->known};
  return Lease(this, entry);
}

void ConnectionPool::touch() noexcept {
  if (leased.newest_statement != nullptr)
    leased.newest_statement->store(monotonic_now() + leased.longer, std::memory_order_relaxed);
}

void ConnectionPool::allow(Nanos longer) noexcept {
  leased.longer = longer;
  touch();
}

bool ConnectionPool::is_new(const void* statement) {
  return leased.known_statements->insert(statement).second;
}

ConnectionPool::Lease::~Lease() {
  if (entry_ == nullptr) return;
  leased = {};
  pool_->give_back(entry_);
}

void ConnectionPool::Lease::set_broken() noexcept {
  {
    const std::lock_guard lock(pool_->mutex_);
    entry_->broken = true;
  }
  pool_->close_idle();
}

void ConnectionPool::Lease::cut() const noexcept {
  const std::lock_guard lock(pool_->mutex_);
  pool_->cut(*entry_);
}

void ConnectionPool::give_back(Entry* entry) noexcept {
  std::list<std::unique_ptr<Entry>> gone;  // closed outside the lock
  {
    const std::lock_guard lock(mutex_);
    const auto it = std::find_if(used_.begin(), used_.end(), [&](const auto& e) { return e.get() == entry; });
    std::list<std::unique_ptr<Entry>>& to = entry->broken ? gone : idle_;
    to.splice(to.begin(), used_, it);
    while (static_cast<int>(idle_.size()) > std::max(limits_.least, 1))
      gone.splice(gone.begin(), idle_, std::prev(idle_.end()));
  }
  freed_.notify_one();
}

void ConnectionPool::close_idle() noexcept {
  std::list<std::unique_ptr<Entry>> gone;
  {
    const std::lock_guard lock(mutex_);
    gone.swap(idle_);
  }
  freed_.notify_all();
}

void ConnectionPool::cut(Entry& entry) noexcept {
  entry.broken = true;
  if (entry.socket) ::shutdown(entry.socket.get(), SHUT_RDWR);
}

void ConnectionPool::end_within(Nanos left) noexcept {
  {
    const std::lock_guard lock(mutex_);
    end_at_ = std::min(end_at_, monotonic_now() + left);
  }
  watch_.notify_one();
  freed_.notify_all();
}

void ConnectionPool::watch() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    const Nanos now = monotonic_now();
    const bool ending = end_at_ != kNever;
    const Nanos patience = ending ? std::min(limits_.patience, kLastPatience) : limits_.patience;
    for (const auto& entry : used_) {
      if (entry->broken || (now < end_at_ && now - entry->since.load() < patience)) continue;
      if (now < end_at_) log_warn("database: no answer for {} s: the connection is cut", patience / kSecond);
      ++cut_;
      cut(*entry);
      if (ending) end_at_ = std::min(end_at_, now);  // one that hangs is not asked again
    }
    Nanos wait = std::max(patience / kLooksPerPatience, kShortestLook);
    if (ending && now < end_at_) wait = std::min(wait, end_at_ - now);
    watch_.wait_for(lock, std::chrono::nanoseconds(wait));
  }
}

PoolGauges ConnectionPool::gauges() const {
  const std::lock_guard lock(mutex_);
  return {static_cast<std::uint64_t>(static_cast<int>(idle_.size() + used_.size()) + seats_),
          static_cast<std::uint64_t>(idle_.size()), static_cast<std::uint64_t>(limits_.most), cut_};
}

}  // namespace prot::memory
