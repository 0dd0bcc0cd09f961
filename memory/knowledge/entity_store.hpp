#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/communities.hpp"
#include "recall/memory_records.hpp"

namespace prot::memory {

/// What a store knows of entities, of facts beyond those that hold now, and of communities. Part of
/// MemoryStore: blocking, one transaction a call, throws StoreError.
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
  /// A person has refused it: it is never held, nor asked about again, unless the user says it. False:
  /// likewise.
  virtual bool reject_fact(std::int64_t id) = 0;

  /// Active facts as edges between entities, the newest first.
  virtual std::vector<GraphFact> graph() = 0;
  /// Begins the next generation with these groups, when they are others than the last ones; those that have
  /// not changed keep their summary. False: nothing is new.
  virtual bool plan_generation(std::span<const CommunityPlan> plans) = 0;
  /// One whose summary is wanted; none: the generation is whole, and it is the one that is read.
  virtual std::optional<CommunityTask> next_community() = 0;
  /// Empty: there was none to be had; tried once more, then given up. The last one of a generation puts all
  /// of it in the place of the one before. False: it is of no use any more.
  virtual bool finish_community(std::int64_t id, const std::string& summary) = 0;
  /// Those with a summary, of the generation that is read.
  virtual std::vector<Community> communities(int limit) = 0;
};

}  // namespace prot::memory
