#include <algorithm>

#include "stores/in_memory.hpp"

/// Communities of the store in memory; stores/postgres_communities.cpp says the same in SQL.
namespace prot::memory {

std::vector<GraphFact> InMemoryStore::graph() {
  need();
  const EntityResolver known = resolver();
  const auto end = [&](std::int64_t id) {
    const std::int64_t top = root(id);
    const auto found = entities_.find(top);
    return found == entities_.end() || found->second.known.name == "user" ? std::int64_t{0} : top;
  };
  std::vector<GraphFact> facts;
  for (const Fact& fact : active_facts(INT32_MAX)) {
    const auto stored = std::find_if(facts_.begin(), facts_.end(),
                                     [&](const auto& f) { return f.second.fact.id == fact.id; });
    const auto message = std::find_if(messages_.begin(), messages_.end(),
                                      [&](const StoredMessage& m) { return m.message.key == fact.source; });
    facts.push_back({fact.id, end(stored->second.subject), end(known.resolve(fact.object, "")),
                     message - messages_.begin() + 1, fact.statement});
  }
  return facts;
}

void InMemoryStore::switch_when_ready() {
  if (std::any_of(communities_.begin(), communities_.end(), [&](const StoredCommunity& c) {
        return c.generation == building_ && c.state == StoredCommunity::State::kWaiting;
      }))
    return;
  current_ = std::exchange(building_, 0);
  std::erase_if(communities_, [&](const StoredCommunity& c) { return c.generation != current_; });
}

bool InMemoryStore::plan_generation(std::span<const CommunityPlan> plans) {
  need();
  const auto sorted = [](std::vector<std::string> keys) {
    std::sort(keys.begin(), keys.end());
    return keys;
  };
  std::vector<std::string> old;
  std::vector<std::string> fresh;
  for (const StoredCommunity& c : communities_)
    if (c.generation == (building_ != 0 ? building_ : current_)) old.push_back(c.plan.content_key);
  for (const CommunityPlan& plan : plans) fresh.push_back(plan.content_key);
  if (sorted(fresh) == sorted(old)) return false;
  const std::int64_t next = std::max(current_, building_) + 1;
  std::vector<StoredCommunity> made;
  for (const CommunityPlan& plan : plans) {
    StoredCommunity& one = made.emplace_back();
    one.id = ++community_ids_;
    one.generation = next;
    one.plan = plan;
    for (const StoredCommunity& c : communities_)
      if (c.plan.content_key == plan.content_key && c.state == StoredCommunity::State::kDone) {
        one.summary = c.summary;
        one.state = StoredCommunity::State::kDone;
      }
  }
  std::erase_if(communities_, [&](const StoredCommunity& c) { return c.generation != current_; });
  communities_.insert(communities_.end(), made.begin(), made.end());
  building_ = next;
  switch_when_ready();
  return true;
}

std::optional<CommunityTask> InMemoryStore::next_community() {
  need();
  const StoredCommunity* best = nullptr;
  for (const StoredCommunity& c : communities_)
    if (c.generation == building_ && c.state == StoredCommunity::State::kWaiting &&
        (best == nullptr || c.attempts < best->attempts))
      best = &c;
  if (best == nullptr) return std::nullopt;
  CommunityTask task{best->id, {}};
  for (const Fact& fact : active_facts(INT32_MAX))
    if (std::find(best->plan.facts.begin(), best->plan.facts.end(), fact.id) != best->plan.facts.end())
      task.statements.push_back(fact.statement);
  return task;
}

bool InMemoryStore::finish_community(std::int64_t id, const std::string& summary) {
  need();
  for (StoredCommunity& c : communities_) {
    if (c.id != id || c.generation != building_ || c.state != StoredCommunity::State::kWaiting) continue;
    c.summary = summary;
    if (!summary.empty()) {
      c.state = StoredCommunity::State::kDone;
    } else if (++c.attempts >= 2) {
      c.state = StoredCommunity::State::kFailed;
    }
    switch_when_ready();
    return true;
  }
  return false;
}

std::vector<Community> InMemoryStore::communities(int limit) {
  need();
  std::vector<Community> all;
  for (const StoredCommunity& c : communities_) {
    if (c.generation != current_ || c.state != StoredCommunity::State::kDone) continue;
    Community one{c.id, c.summary, {}, c.plan.facts};
    for (const std::int64_t member : c.plan.members) one.members.push_back(entities_.at(member).known.name);
    std::sort(one.facts.begin(), one.facts.end());
    if (all.size() < static_cast<std::size_t>(limit)) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace prot::memory
