#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "memory_records.hpp"

namespace prot::memory {

/// What a store knows of entities and of facts beyond those that hold now. Part of MemoryStore: blocking, one
/// transaction a call, throws StoreError.
class EntityStore {
 public:
  virtual ~EntityStore() = default;

  /// Those that were not merged into another, the oldest first; each with the aliases of those merged into
  /// it.
  virtual std::vector<KnownEntity> entities(int limit) = 0;
  /// They are one from now on: the loser's names mean the winner, and of two facts that cannot both hold the
  /// newer one does. False: one of them is not there, or they are one already.
  virtual bool merge_entities(std::int64_t winner, std::int64_t loser) = 0;
  /// Undoes it: the loser has its names and facts back, and what the merge ended holds again.
  virtual bool undo_merge(std::int64_t loser) = 0;

  /// All that was ever said of it, the oldest first, ended facts with their valid_to ("where did I work
  /// before?").
  virtual std::vector<Fact> fact_history(std::string_view subject, std::string_view predicate) = 0;
  /// Facts that ended, the newest first.
  virtual std::vector<Fact> past_facts(int limit) = 0;
  /// Facts that wait for a person, the oldest first, with the reason.
  virtual std::vector<Fact> quarantined_facts(int limit) = 0;
  /// A person has confirmed it: it counts as if the user had said it. False: it does not wait.
  virtual bool confirm_fact(std::int64_t id, Nanos now) = 0;
};

}  // namespace prot::memory
