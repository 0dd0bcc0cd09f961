#include "stores/postgres_store.hpp"

/// Which facts are of use.
namespace prot::memory {

void PostgresStore::mark_read(std::span<const std::int64_t> facts, Nanos now) {
  transaction("counting what was read", [&](pqxx::work& tx) {
    pg::run(tx,
            "UPDATE fact SET read_count = least(read_count, 1000000) + 1, read_at = greatest(read_at, " +
                pg::at(2) + ") WHERE id = ANY ($1::bigint[])",
            pg::array_of(facts), pg::micros(now));
  });
}

}  // namespace prot::memory
