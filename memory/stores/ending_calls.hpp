#pragma once

#include <mutex>
#include <type_traits>

#include "base/scope_exit.hpp"
#include "stores/transaction.hpp"

namespace prot::memory::pg {

/// Transactions of one thread, which another may end: what is under way then fails soon, on a server that
/// hangs too, and whatever comes after. Lifetime: shorter than the pool's.
class EndingCalls {
 public:
  explicit EndingCalls(ConnectionPool& pool) : pool_(&pool) {}

  /// Throws StoreError.
  template <typename F>
  std::invoke_result_t<F, pqxx::work&> transaction(const char* what, F&& body) {
    return with_connection(*pool_, what, [&](ConnectionPool::Lease& lease) {
      const ScopeExit over([this] { show(nullptr); });
      show(&lease);
      return in_transaction(lease.connection(), body);
    });
  }
  /// Thread-safe.
  void end() noexcept {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (lease_ != nullptr) lease_->cut();
  }

 private:
  /// What is under way; null: nothing is.
  void show(const ConnectionPool::Lease* lease) {
    const std::lock_guard lock(mutex_);
    lease_ = lease;
    if (ended_ && lease != nullptr) throw StoreError(StoreError::Kind::kAway, "database: the end has come");
  }

  ConnectionPool* pool_;
  std::mutex mutex_;
  // Below: protected by mutex_.
  const ConnectionPool::Lease* lease_ = nullptr;
  bool ended_ = false;
};

}  // namespace prot::memory::pg
