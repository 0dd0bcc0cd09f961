#pragma once

#include <pqxx/pqxx>
#include <type_traits>

#include "memory_store.hpp"
#include "stores/connection_pool.hpp"

/// How every call of a store comes to its transaction.
namespace prot::memory::pg {

/// What the exception that is being handled means: "database: what: why".
[[nodiscard]] StoreError store_error(const char* what);

/// Runs `use` on a connection of the pool; what goes wrong becomes a StoreError.
template <typename F>
auto with_connection(ConnectionPool& pool, const char* what, F&& use) {
  try {
    ConnectionPool::Lease lease = pool.take();
    try {
      return use(lease);
    } catch (const std::exception&) {
      // Broken, or in doubt at commit: the keys make doing it again safe.
      StoreError error = store_error(what);
      if (error.kind() == StoreError::Kind::kAway) lease.set_broken();
      throw error;
    }
  } catch (const std::exception&) {
    throw store_error(what);
  }
}

template <typename F>
std::invoke_result_t<F, pqxx::work&> in_transaction(pqxx::connection& connection, F&& body) {
  pqxx::work tx(connection);
  if constexpr (std::is_void_v<std::invoke_result_t<F, pqxx::work&>>) {
    body(tx);
    tx.commit();
  } else {
    auto result = body(tx);
    tx.commit();
    return result;
  }
}

}  // namespace prot::memory::pg
