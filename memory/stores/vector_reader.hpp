#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "stores/connection_pool.hpp"
#include "vectors/vector_store.hpp"

struct pg_conn;  // libpq's

namespace prot::memory {

/// Reads stored vectors in PostgreSQL's binary form, which libpqxx does not speak: as text each is twice as
/// long, is written by the server and taken apart here. On a connection of its own, which has a seat in the
/// pool, for as long as it reads; where the pool is full, for a page. One thread, but for abort(). Lifetime:
/// shorter than the pool's.
class VectorReader {
 public:
  explicit VectorReader(ConnectionPool& pool) : pool_(&pool) {}
  VectorReader(const VectorReader&) = delete;
  VectorReader& operator=(const VectorReader&) = delete;
  ~VectorReader() { close(); }

  /// VectorStore::next_vectors(). Throws StoreError.
  [[nodiscard]] std::vector<StoredVector> next(const std::string& model, VectorStore::Cursor* cursor,
                                               int limit);
  void close() noexcept;
  /// What is under way fails soon, and whatever comes after. Thread-safe.
  void abort() noexcept;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };
  void connect();
  /// False: there were no rows.
  [[nodiscard]] bool read(const std::string& model, VectorStore::Cursor* cursor, int limit,
                          std::vector<StoredVector>& vectors);

  ConnectionPool* pool_;
  std::optional<ConnectionPool::Seat> seat_;
  std::unique_ptr<pg_conn, Finish> connection_;
  std::mutex mutex_;
  // Below: protected by mutex_.
  int socket_ = -1;
  bool aborted_ = false;
};

}  // namespace prot::memory
