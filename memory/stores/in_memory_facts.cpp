#include <algorithm>

#include "extraction/extraction.hpp"
#include "knowledge/facts.hpp"
#include "stores/in_memory.hpp"

/// Entities and facts of the store in memory; stores/postgres_facts.cpp says the same in SQL.
namespace prot::memory {

std::int64_t InMemoryStore::root(std::int64_t id) const {
  for (auto found = entities_.find(id); found != entities_.end() && found->second.merged_into != 0;
       found = entities_.find(id))
    id = found->second.merged_into;
  return id;
}

EntityResolver InMemoryStore::resolver() const {
  EntityResolver resolver;
  for (const auto& [id, entity] : entities_) {
    const std::int64_t top = root(id);
    for (const std::string& alias : entity.known.aliases)
      resolver.add_alias(top, entities_.at(top).known.type, alias);
  }
  return resolver;
}

std::vector<KnownEntity> InMemoryStore::offered(std::string_view text) const {
  std::vector<KnownEntity> found;
  for (const std::int64_t id : resolver().candidates(text, kMaxOffered))
    found.push_back(entities_.at(id).known);
  return found;
}

std::int64_t InMemoryStore::entity_id(const Entity& entity, std::string_view said) {
  const std::string norm = normalized_name(entity.name);
  if (norm.empty() || norm.size() > 200) return 0;
  std::int64_t id = resolver().resolve(entity.name, entity.type, said);
  if (id == 0 && entities_.contains(entity.known) &&
      may_be_called(entity.name, entity.type, entities_.at(root(entity.known)).known)) {
    id = root(entity.known);
    entities_.at(id).known.aliases.push_back(norm);
  }
  if (id != 0) {
    KnownEntity& known = entities_.at(id).known;
    if (known.type.empty()) known.type = entity.type;
    return id;
  }
  id = static_cast<std::int64_t>(entities_.size()) + 1;
  const std::string name = bare_name(entity.name, entity.type);
  entities_[id] = {{id, name, entity.type, {normalized_name(name)}}, 0};
  return id;
}

bool InMemoryStore::apply(const Job& job, const Extraction& extraction, Nanos) {
  StoredJob* stored = owned(job);
  if (stored == nullptr) return false;
  const std::string said = said_in(job);
  for (const Entity& entity : extraction.entities) (void)entity_id(entity, said);
  for (const Fact& fact : extraction.facts)
    if (find(fact.source) != nullptr) apply_fact(fact, said);
  stored->state = State::kDone;
  return true;
}

InMemoryStore::StoredFact* InMemoryStore::find_fact(const std::string& spo, FactStatus status) {
  const auto found = std::find_if(facts_.begin(), facts_.end(), [&](const auto& known) {
    return known.second.fact.status == status && spo_key(known.second.fact) == spo;
  });
  return found == facts_.end() ? nullptr : &found->second;
}

std::vector<InMemoryStore::StoredFact*> InMemoryStore::rivals(const Fact& fact, std::int64_t subject) {
  std::vector<StoredFact*> found;
  if (!is_functional(fact.predicate)) return found;
  for (auto& [key, known] : facts_) {
    const bool held =
        known.fact.status == FactStatus::kActive || known.fact.status == FactStatus::kSuperseded;
    if (held && root(known.subject) == root(subject) && known.fact.predicate == fact.predicate &&
        spo_key(known.fact) != spo_key(fact))
      found.push_back(&known);
  }
  std::stable_sort(found.begin(), found.end(), [](const StoredFact* a, const StoredFact* b) {
    return a->fact.valid_from > b->fact.valid_from;
  });
  return found;
}

/// It ends the older ones, or is history beside a newer one.
void InMemoryStore::place(StoredFact& made) {
  made.fact.status = FactStatus::kActive;
  std::vector<StoredFact*> before;
  for (StoredFact* rival : rivals(made.fact, made.subject)) {
    if (rival->fact.valid_from > made.fact.valid_from) {
      made.fact.status = FactStatus::kSuperseded;
      made.fact.valid_to = rival->fact.valid_from;
    } else if (rival->fact.status == FactStatus::kActive) {
      before.push_back(rival);
    } else if (rival->fact.valid_to > made.fact.valid_from) {
      rival->fact.valid_to = made.fact.valid_from;
    }
  }
  if (made.fact.status != FactStatus::kActive) return;
  for (StoredFact* old : before) {
    old->fact.status = FactStatus::kSuperseded;
    old->fact.valid_to = made.fact.valid_from;
  }
}

void InMemoryStore::apply_fact(Fact fact, std::string_view said) {
  const std::pair source{to_uuid(fact.source.conversation), fact.source.sequence};
  fact.subject = normalized_name(fact.subject);
  const bool waits = fact.status == FactStatus::kQuarantined;
  const std::int64_t subject =
      waits ? resolver().resolve(fact.subject, "", said) : entity_id({fact.subject, "", ""}, said);
  fact.subject =
      normalized_name(subject != 0 ? entities_.at(subject).known.name : bare_name(fact.subject, ""));
  if (const std::int64_t object = resolver().resolve(fact.object, "", said); object != 0)
    fact.object = entities_.at(object).known.name;
  const std::string spo = spo_key(fact);
  if (StoredFact* same = find_fact(spo, FactStatus::kActive); same != nullptr) {
    same->sources.insert(source);
    return;
  }
  StoredFact* waiting = find_fact(spo, FactStatus::kQuarantined);
  if (waits && find_fact(spo, FactStatus::kForgotten) != nullptr) return;  // a person has rejected it
  if (waits && waiting != nullptr) {
    waiting->sources.insert(source);
    return;
  }
  fact.id = static_cast<std::int64_t>(facts_.size()) + 1;
  const auto [made, fresh] = facts_.emplace(fact_key(fact), StoredFact{fact, subject, {source}});
  if (!fresh || waits) return;
  place(made->second);
  if (waiting != nullptr) waiting->fact.status = FactStatus::kSuperseded;
}

template <typename F>
std::vector<Fact> InMemoryStore::facts_where(int limit, F&& wanted) const {
  std::vector<Fact> facts;
  for (const auto& [key, known] : facts_)
    if (wanted(known.fact)) facts.push_back(known.fact);
  std::sort(facts.begin(), facts.end(), [](const Fact& a, const Fact& b) {
    return a.valid_from != b.valid_from ? a.valid_from > b.valid_from : a.id < b.id;
  });
  if (facts.size() > static_cast<std::size_t>(limit)) facts.resize(static_cast<std::size_t>(limit));
  return facts;
}

std::vector<Fact> InMemoryStore::active_facts(int limit) {
  need();
  return facts_where(limit, [](const Fact& fact) { return fact.status == FactStatus::kActive; });
}

void InMemoryStore::mark_read(std::span<const std::int64_t> facts, Nanos now) {
  need();
  for (auto& [key, stored] : facts_) {
    if (std::find(facts.begin(), facts.end(), stored.fact.id) == facts.end()) continue;
    ++stored.fact.reads;
    stored.fact.read_at = std::max(stored.fact.read_at, now);
  }
}

std::vector<Fact> InMemoryStore::past_facts(int limit) {
  need();
  return facts_where(
      limit, [](const Fact& fact) { return fact.status == FactStatus::kSuperseded && fact.valid_to != 0; });
}

std::vector<Fact> InMemoryStore::quarantined_facts(int limit) {
  need();
  std::vector<Fact> facts =
      facts_where(INT32_MAX, [](const Fact& fact) { return fact.status == FactStatus::kQuarantined; });
  std::sort(facts.begin(), facts.end(), [](const Fact& a, const Fact& b) { return a.id < b.id; });
  if (facts.size() > static_cast<std::size_t>(limit)) facts.resize(static_cast<std::size_t>(limit));
  return facts;
}

std::vector<Fact> InMemoryStore::fact_history(std::string_view subject, std::string_view predicate) {
  need();
  const std::int64_t entity = resolver().resolve(subject, "");
  const std::string relation = canonical_predicate(predicate);
  std::vector<Fact> facts;
  for (const auto& [key, known] : facts_) {
    const bool held =
        known.fact.status == FactStatus::kActive || known.fact.status == FactStatus::kSuperseded;
    const bool of_it = known.fact.subject == normalized_name(subject) ||
                       (entity != 0 && root(known.subject) == root(entity));
    if (held && of_it && known.fact.predicate == relation) facts.push_back(known.fact);
  }
  std::sort(facts.begin(), facts.end(), [](const Fact& a, const Fact& b) {
    return a.valid_from != b.valid_from ? a.valid_from < b.valid_from : a.id < b.id;
  });
  return facts;
}

bool InMemoryStore::confirm_fact(std::int64_t id, Nanos) {
  need();
  for (auto& [key, known] : facts_) {
    if (known.fact.id != id || known.fact.status != FactStatus::kQuarantined) continue;
    if (find_fact(spo_key(known.fact), FactStatus::kActive) != nullptr) {
      known.fact.status = FactStatus::kSuperseded;
    } else {
      known.subject = entity_id({known.fact.subject, "", ""}, "");
      place(known);
    }
    return true;
  }
  return false;
}

bool InMemoryStore::reject_fact(std::int64_t id) {
  need();
  for (auto& [key, known] : facts_)
    if (known.fact.id == id && known.fact.status == FactStatus::kQuarantined) {
      known.fact.status = FactStatus::kForgotten;
      return true;
    }
  return false;
}

std::vector<KnownEntity> InMemoryStore::entities(int limit) {
  need();
  std::map<std::int64_t, KnownEntity> known;
  for (const auto& [id, entity] : entities_) {
    const std::int64_t top = root(id);
    KnownEntity& one =
        known
            .try_emplace(top,
                         KnownEntity{top, entities_.at(top).known.name, entities_.at(top).known.type, {}})
            .first->second;
    one.aliases.insert(one.aliases.end(), entity.known.aliases.begin(), entity.known.aliases.end());
  }
  std::vector<KnownEntity> all;
  for (auto& [id, entity] : known)
    if (all.size() < static_cast<std::size_t>(limit)) all.push_back(std::move(entity));
  return all;
}

bool InMemoryStore::merge_entities(std::int64_t winner, std::int64_t loser) {
  need();
  const std::int64_t top = root(winner);
  const std::int64_t under = root(loser);
  if (!entities_.contains(top) || !entities_.contains(under) || top == under) return false;
  entities_.at(under).merged_into = top;
  end_rivals(top, under);
  return true;
}

/// What cannot hold of one entity twice: the newest does.
void InMemoryStore::end_rivals(std::int64_t top, std::int64_t merged) {
  for (auto& [key, known] : facts_) {
    if (known.fact.status != FactStatus::kActive || root(known.subject) != top) continue;
    for (StoredFact* rival : rivals(known.fact, known.subject)) {
      if (rival->fact.status != FactStatus::kActive || rival->fact.valid_from > known.fact.valid_from)
        continue;
      rival->fact.status = FactStatus::kSuperseded;
      rival->fact.valid_to = known.fact.valid_from;
      rival->ended_by_merge = merged;
    }
  }
}

bool InMemoryStore::undo_merge(std::int64_t loser) {
  need();
  const auto found = entities_.find(loser);
  if (found == entities_.end() || found->second.merged_into == 0) return false;
  const std::int64_t top = root(loser);
  found->second.merged_into = 0;
  for (auto& [key, known] : facts_) {
    if (known.ended_by_merge != loser || known.fact.status != FactStatus::kSuperseded) continue;
    known.ended_by_merge = 0;
    if (find_fact(spo_key(known.fact), FactStatus::kActive) != nullptr) continue;
    known.fact.status = FactStatus::kActive;
    known.fact.valid_to = 0;
  }
  end_rivals(top, 0);
  return true;
}

}  // namespace prot::memory
