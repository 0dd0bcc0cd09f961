#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stores/connection_pool.hpp"

struct pg_conn;  // libpq's

namespace prot::memory {

/// CREATE INDEX CONCURRENTLY, which takes minutes of a large table: the server works, nobody here waits, and
/// nobody's statement does. On a connection of its own, which has a seat in the pool. One thread. Its end
/// gives the index up, and the server soon notices (from version 14 on; before, it goes on to the end).
class IndexBuild {
 public:
  explicit IndexBuild(ConnectionPool& pool) : pool_(&pool) {}
  ~IndexBuild();
  IndexBuild(const IndexBuild&) = delete;
  IndexBuild& operator=(const IndexBuild&) = delete;

  [[nodiscard]] bool running() const noexcept { return connection_ != nullptr; }
  /// Throws StoreError.
  void start(const std::string& sql);
  /// Has it ended? Throws StoreError when it failed. REQUIRES: running().
  [[nodiscard]] bool ended();
  void give_up() noexcept;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };
  void send();

  ConnectionPool* pool_;
  std::optional<ConnectionPool::Seat> seat_;
  std::unique_ptr<pg_conn, Finish> connection_;
  std::vector<std::string> statements_;  // the last one makes the index
  std::size_t under_way_ = 0;
  std::optional<StoreError> error_;  // of that one
};

}  // namespace prot::memory
