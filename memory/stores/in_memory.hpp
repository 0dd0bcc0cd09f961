#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "memory_store.hpp"

namespace prot::memory {

/// A store in this process' memory: for tests, and to try prot without a database. It forgets at exit.
/// Behaves as PostgreSQL's does; one test suite holds both to it.
class InMemoryStore final : public MemoryStore {
 public:
  void connect() override;
  void close() noexcept override { connected_ = false; }
  [[nodiscard]] const char* name() const noexcept override { return "ram"; }
  void append(std::span<const TurnRecord> records, Nanos now) override;
  std::vector<Message> next_messages(std::int64_t* cursor, int limit) override;
  std::vector<Message> find_messages(std::span<const std::string> words, Nanos before, int limit) override;
  std::vector<Message> history(const wire::ConversationId& conversation, int limit) override;
  std::optional<Job> claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) override;
  bool finish_extract(const Job& job, const std::string& answer, Nanos now) override;
  bool apply(const Job& job, const Extraction& extraction, Nanos now) override;
  bool give_back(const Job& job, Nanos due) override;
  bool fail(const Job& job, const std::string& error, Nanos due, bool dead) override;
  int reap(Nanos now, bool all_of_owner) override;
  std::vector<Fact> active_facts(int limit) override;
  Counts counts() override;

  /// Tests: every call fails with kAway until it is back.
  void set_away(bool away) noexcept { away_ = away; }

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
    bool active = true;
    std::set<std::pair<std::string, std::uint64_t>> sources;
  };
  void need() const;
  void append(const TurnRecord& record, Nanos now);
  void add_job(JobKind kind, const MessageKey& key, std::uint64_t last_seq, Nanos due, std::string result);
  void apply_fact(const Fact& fact);
  [[nodiscard]] StoredMessage* find(const MessageKey& key);
  [[nodiscard]] StoredJob* owned(const Job& job);

  bool connected_ = false;
  bool away_ = false;
  std::vector<StoredMessage> messages_;  // in order of arrival
  std::vector<StoredJob> jobs_;
  std::set<std::string> job_keys_;
  std::map<std::string, StoredFact> facts_;  // by fact_key
  std::uint64_t leases_ = 0;
};

[[nodiscard]] std::unique_ptr<MemoryStore> make_in_memory_store();

}  // namespace prot::memory
