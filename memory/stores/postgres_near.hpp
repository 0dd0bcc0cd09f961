#pragma once

#include <memory>
#include <optional>
#include <string>

#include "stores/ending_calls.hpp"
#include "stores/index_build.hpp"
#include "vectors/near_search.hpp"

namespace prot::memory {

namespace pg {

/// The extension pgvector, as a database has it.
struct Extension {
  std::string version;
  std::string schema;  // quoted; empty: it is not created here
  /// Numbers that an index takes are at most so many. 0: it has no index of use.
  [[nodiscard]] std::size_t most_dimensions() const;
  /// Its type: from 0.7.0 on one of half the size, which is enough to be near by.
  [[nodiscard]] const char* type() const;
  [[nodiscard]] bool at_least(int major, int minor) const;
};
/// Nothing: the server has none.
[[nodiscard]] std::optional<Extension> find_extension(pqxx::work& tx);

}  // namespace pg

/// message_near and fact_near: vectors of one model once more, as pgvector has them. They are not of the
/// schema, and nothing is in them that is nowhere else: with another model or another type they are made
/// anew, with a vector's own row its copy goes, and without the extension nothing misses them. One thread.
/// Lifetime: shorter than that of what runs its transactions.
///
///   step                         | then
///   find the extension           | absent
///   create it, make the tables   | refused: no right to, too many dimensions, too old
///   copy what is missing, a page | again, while there is more
///   more than `exact` numbers    | an index (HNSW, cosine) is built, nobody waits for it: filling
///   else                         | ready: all are compared
class NearTables {
 public:
  NearTables(ConnectionPool& pool, pg::EndingCalls& calls, std::size_t exact)
      : calls_(&calls), build_(pool), exact_(exact) {}

  /// VectorStore::keep_near(). Throws StoreError.
  [[nodiscard]] StoreNear step(const std::string& model, std::size_t dimension);
  /// The connection is gone: what is known of the server is asked again.
  void close() noexcept;

 private:
  [[nodiscard]] bool prepare(const std::string& model, std::size_t dimension);
  /// How many were copied.
  std::size_t copy(bool facts, const std::string& model, std::size_t dimension);
  /// Those that are there can be searched.
  [[nodiscard]] bool indexed(bool facts, std::size_t dimension);

  pg::EndingCalls* calls_;
  IndexBuild build_;
  std::size_t exact_;
  bool prepared_ = false;
  pg::Extension extension_;
  StoreNear said_;
  struct Copied {
    std::int64_t cursor = 0;
    std::int64_t newest = 0;
  };
  Copied copied_[2];  // messages, facts
};

/// The search of these tables.
[[nodiscard]] std::unique_ptr<NearSearch> make_postgres_near(std::shared_ptr<ConnectionPool> pool,
                                                             std::string model);

/// What `prot memory stats` says of it, as JSON: version, vectors, index; null: the server has none.
[[nodiscard]] std::string near_stats(pqxx::work& tx);

}  // namespace prot::memory
