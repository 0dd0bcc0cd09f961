#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "knowledge/entities.hpp"
#include "memory_store.hpp"

namespace prot::memory {

/// A store in this process' memory: for tests, and to try prot without a database. It forgets at exit.
/// Behaves as PostgreSQL's does; one test suite holds both to it.
class InMemoryStore : public MemoryStore {
 public:
  void connect() override;
  void close() noexcept override { connected_ = false; }
  [[nodiscard]] const char* name() const noexcept override { return "ram"; }
  void append(std::span<const TurnRecord> records, Nanos now) override;
  std::vector<Message> next_messages(std::int64_t* cursor, int limit) override;
  std::vector<Message> find_messages(std::span<const std::string> words, Nanos before, int limit) override;
  std::vector<Message> history(const wire::ConversationId& conversation, int limit) override;
  std::optional<Job> claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) override;
  void claim_more(Job* job, Nanos now, Nanos lease, bool ignore_due, int most) override;
  bool finish_extract(const Job& job, const std::string& answer, Nanos now) override;
  bool apply(const Job& job, const Extraction& extraction, Nanos now) override;
  bool give_back(const Job& job, Nanos due) override;
  bool fail(const Job& job, const std::string& error, Nanos due, bool dead) override;
  int drop_old_dead(int most, Nanos before) override;
  bool renew(const std::string& token, Nanos until) override;
  int reap(Nanos now, Freed which, const std::string& held) override;
  ModelUse model_use(Nanos now) override;
  void add_model_use(const ModelUse& more, Nanos now) override;
  std::vector<Fact> active_facts(int limit) override;
  void mark_read(std::span<const std::int64_t> facts, Nanos now) override;
  Counts counts() override;
  std::vector<KnownEntity> entities(int limit) override;
  bool merge_entities(std::int64_t winner, std::int64_t loser) override;
  bool undo_merge(std::int64_t loser) override;
  std::vector<Fact> fact_history(std::string_view subject, std::string_view predicate) override;
  std::vector<Fact> past_facts(int limit) override;
  std::vector<Fact> quarantined_facts(int limit) override;
  bool confirm_fact(std::int64_t id, Nanos now) override;
  bool reject_fact(std::int64_t id) override;
  std::vector<GraphFact> graph() override;
  bool plan_generation(std::span<const CommunityPlan> plans) override;
  std::optional<CommunityTask> next_community() override;
  bool finish_community(std::int64_t id, const std::string& summary) override;
  std::vector<Community> communities(int limit) override;
  Forgotten forget(const ForgetTarget& target, Nanos now, bool dry_run) override;  // in_memory_forget.cpp

  /// Tests: every call fails with kAway until it is back.
  void set_away(bool away) noexcept { away_ = away; }
  /// Tests: answers, and wishes to forget, are refused with kRejected.
  void set_refusing(bool refusing) noexcept { refusing_ = refusing; }

 private:
  enum class State { kReady, kLeased, kDone, kDead };
  struct StoredMessage {
    Message message;
    std::map<std::uint32_t, std::string> segments;
  };
  struct StoredJob {
    Job job;
    State state = State::kReady;
    Nanos due = 0;
    Nanos lease_until = 0;
    std::string error;
  };
  struct StoredFact {
    Fact fact;
    std::int64_t subject = 0;  // entity
    std::set<std::pair<std::string, std::uint64_t>> sources = {};
    std::int64_t ended_by_merge = 0;
  };
  struct StoredCommunity {
    enum class State { kWaiting, kDone, kFailed };
    std::int64_t id = 0;
    std::int64_t generation = 0;
    CommunityPlan plan;
    std::string summary = {};
    State state = State::kWaiting;
    int attempts = 0;
  };
  struct StoredEntity {
    KnownEntity known;
    std::int64_t merged_into = 0;
  };
  struct Range {
    std::string conversation;
    std::uint64_t first;
    std::uint64_t last;
  };
  void need() const;
  [[nodiscard]] static bool wanted(const ForgetTarget& target, const Message& message);
  [[nodiscard]] bool is_forgotten(const MessageKey& key) const;
  void append(const TurnRecord& record, Nanos now);
  void add_job(JobKind kind, const MessageKey& key, std::uint64_t last_seq, Nanos due, std::string result);
  void fill(Job& job);
  [[nodiscard]] static bool is_due(const StoredJob& job, Nanos now);
  template <typename F>
  void for_lease(const Job& job, F&& f);
  [[nodiscard]] EntityResolver resolver() const;
  [[nodiscard]] std::int64_t root(std::int64_t id) const;
  [[nodiscard]] std::vector<KnownEntity> offered(std::string_view text) const;
  std::int64_t entity_id(const Entity& entity, std::string_view said);
  void apply_fact(Fact fact, std::string_view said);
  [[nodiscard]] StoredFact* find_fact(const std::string& spo, FactStatus status);
  /// Those of its subject and predicate that cannot hold beside it, the newest first.
  [[nodiscard]] std::vector<StoredFact*> rivals(const Fact& fact, std::int64_t subject);
  void place(StoredFact& made);
  void end_rivals(std::int64_t top, std::int64_t merged);
  void switch_when_ready();
  template <typename F>
  [[nodiscard]] std::vector<Fact> facts_where(int limit, F&& wanted) const;
  [[nodiscard]] StoredMessage* find(const MessageKey& key);
  [[nodiscard]] StoredJob* owned(const Job& job);

  bool connected_ = false;
  bool away_ = false;
  bool refusing_ = false;
  std::vector<StoredMessage> messages_;  // in order of arrival
  std::vector<StoredJob> jobs_;
  std::set<std::string> job_keys_;
  std::map<std::string, StoredFact> facts_;  // by fact_key
  std::map<std::int64_t, StoredEntity> entities_;
  std::vector<StoredCommunity> communities_;
  std::int64_t community_ids_ = 0;
  std::int64_t current_ = 0;   // generation that is read
  std::int64_t building_ = 0;  // and the next one; 0: none
  std::vector<Range> forgotten_;
  std::map<Nanos, ModelUse> model_use_;  // by day
  std::uint64_t leases_ = 0;
};

[[nodiscard]] std::unique_ptr<MemoryStore> make_in_memory_store();

}  // namespace prot::memory
