#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stores/postgres_entities.hpp"

/// How facts follow each other. The transaction is the caller's.
namespace prot::memory::pg {

/// Where a fact stands among those of its subject and predicate that cannot hold together.
struct Place {
  std::vector<std::int64_t> before;  // those it ends
  std::vector<std::int64_t> cut;     // past ones that held until later than it began
  std::int64_t after = 0;            // the one that ended it before it came
  std::int64_t until = 0;            // when, in microseconds
};
/// `group`: all entities that are its subject, as an array literal.
[[nodiscard]] Place place_of(pqxx::work& tx, const Fact& fact, const std::string& group);
/// The fact `id` stands there from `at_ns` on.
void take_place(pqxx::work& tx, const Place& place, std::int64_t id, Nanos at_ns);

void add_source(pqxx::work& tx, std::int64_t fact, std::int64_t message);
/// The oldest fact that says the same, in this state; 0: none.
[[nodiscard]] std::int64_t with_status(pqxx::work& tx, const std::string& spo, const char* status);

/// What this message says. True: it is new.
bool apply_fact(pqxx::work& tx, EntityBook& book, Fact fact, std::int64_t message, std::string_view said);

}  // namespace prot::memory::pg
