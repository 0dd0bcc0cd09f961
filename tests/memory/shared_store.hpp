#pragma once

#include <memory>
#include <mutex>

#include "memory/stores/in_memory.hpp"

namespace prot::memory::test {

/// One store for all "processes" of a test: what the database is to them.
class SharedStore final : public MemoryStore {
 public:
  struct State {
    std::mutex mutex;
    InMemoryStore store;
    bool away = false;
  };

 private:
  template <typename F>
  auto locked(F&& body) {
    const std::lock_guard lock(state_->mutex);
    state_->store.set_away(state_->away);
    return body(state_->store);
  }

 public:
  explicit SharedStore(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void connect() override {
    locked([](InMemoryStore& s) { s.connect(); });
  }
  void close() noexcept override {}
  [[nodiscard]] const char* name() const noexcept override { return "shared"; }
  void append(std::span<const TurnRecord> records, Nanos now) override {
    locked([&](InMemoryStore& s) { s.append(records, now); });
  }
  std::vector<Message> next_messages(std::int64_t* cursor, int limit) override {
    return locked([&](InMemoryStore& s) { return s.next_messages(cursor, limit); });
  }
  std::vector<Message> find_messages(std::span<const std::string> words, Nanos before, int limit) override {
    return locked([&](InMemoryStore& s) { return s.find_messages(words, before, limit); });
  }
  std::vector<Message> history(const wire::ConversationId& conversation, int limit) override {
    return locked([&](InMemoryStore& s) { return s.history(conversation, limit); });
  }
  std::optional<Job> claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) override {
    return locked([&](InMemoryStore& s) { return s.claim(kind, now, lease, ignore_due); });
  }
  void claim_more(Job* job, Nanos now, Nanos lease, bool ignore_due, int most) override {
    locked([&](InMemoryStore& s) { s.claim_more(job, now, lease, ignore_due, most); });
  }
  bool finish_extract(const Job& job, const std::string& answer, Nanos now) override {
    return locked([&](InMemoryStore& s) { return s.finish_extract(job, answer, now); });
  }
  bool apply(const Job& job, const Extraction& extraction, Nanos now) override {
    return locked([&](InMemoryStore& s) { return s.apply(job, extraction, now); });
  }
  int drop_old_dead(int most, Nanos before) override {
    return locked([&](InMemoryStore& s) { return s.drop_old_dead(most, before); });
  }
  bool give_back(const Job& job, Nanos due) override {
    return locked([&](InMemoryStore& s) { return s.give_back(job, due); });
  }
  bool fail(const Job& job, const std::string& error, Nanos due, bool dead) override {
    return locked([&](InMemoryStore& s) { return s.fail(job, error, due, dead); });
  }
  bool renew(const std::string& token, Nanos until) override {
    return locked([&](InMemoryStore& s) { return s.renew(token, until); });
  }
  int reap(Nanos now, Freed which, const std::string& held) override {
    return locked([&](InMemoryStore& s) { return s.reap(now, which, held); });
  }
  void mark_read(std::span<const std::int64_t> facts, Nanos now) override {
    locked([&](InMemoryStore& s) { s.mark_read(facts, now); });
  }
  ModelUse model_use(Nanos now) override {
    return locked([&](InMemoryStore& s) { return s.model_use(now); });
  }
  void add_model_use(const ModelUse& more, Nanos now) override {
    locked([&](InMemoryStore& s) { s.add_model_use(more, now); });
  }
  std::vector<Fact> active_facts(int limit) override {
    return locked([&](InMemoryStore& s) { return s.active_facts(limit); });
  }
  std::vector<KnownEntity> entities(int limit) override {
    return locked([&](InMemoryStore& s) { return s.entities(limit); });
  }
  bool merge_entities(std::int64_t winner, std::int64_t loser) override {
    return locked([&](InMemoryStore& s) { return s.merge_entities(winner, loser); });
  }
  bool undo_merge(std::int64_t loser) override {
    return locked([&](InMemoryStore& s) { return s.undo_merge(loser); });
  }
  std::vector<Fact> fact_history(std::string_view subject, std::string_view predicate) override {
    return locked([&](InMemoryStore& s) { return s.fact_history(subject, predicate); });
  }
  std::vector<Fact> past_facts(int limit) override {
    return locked([&](InMemoryStore& s) { return s.past_facts(limit); });
  }
  std::vector<Fact> quarantined_facts(int limit) override {
    return locked([&](InMemoryStore& s) { return s.quarantined_facts(limit); });
  }
  bool confirm_fact(std::int64_t id, Nanos now) override {
    return locked([&](InMemoryStore& s) { return s.confirm_fact(id, now); });
  }
  bool reject_fact(std::int64_t id) override {
    return locked([&](InMemoryStore& s) { return s.reject_fact(id); });
  }
  std::vector<GraphFact> graph() override {
    return locked([](InMemoryStore& s) { return s.graph(); });
  }
  bool plan_generation(std::span<const CommunityPlan> plans) override {
    return locked([&](InMemoryStore& s) { return s.plan_generation(plans); });
  }
  std::optional<CommunityTask> next_community() override {
    return locked([](InMemoryStore& s) { return s.next_community(); });
  }
  bool finish_community(std::int64_t id, const std::string& summary) override {
    return locked([&](InMemoryStore& s) { return s.finish_community(id, summary); });
  }
  std::vector<Community> communities(int limit) override {
    return locked([&](InMemoryStore& s) { return s.communities(limit); });
  }
  Counts counts() override {
    return locked([](InMemoryStore& s) { return s.counts(); });
  }
  Forgotten forget(const ForgetTarget& target, Nanos now, bool dry_run) override {
    return locked([&](InMemoryStore& s) { return s.forget(target, now, dry_run); });
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace prot::memory::test
