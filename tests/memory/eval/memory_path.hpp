#pragma once

#include <map>
#include <memory>
#include <semaphore>
#include <set>
#include <string>
#include <vector>

#include "memory/queue/database_task.hpp"
#include "memory/recall/recall.hpp"
#include "memory/vectors/dense_leg.hpp"
#include "tests/memory/eval/corpus.hpp"
#include "tests/support/temp_folder.hpp"

namespace prot::eval {

/// What was found for a question, by the ids of messages.
struct Findings {
  std::vector<std::string> ranked;  // the first k: of a fact all that it comes from
  std::set<std::string> in_block;
  double ms = 0.0;
};

/// One person's memory, on prot-memory's way: messages are stored with their jobs, jobs are leased, answered
/// (with the corpus's facts instead of a model) and applied, recall packs the block. Without rings and
/// threads. A session is a conversation of prot's; who speaks stands before the text, unless that is "user"
/// or "assistant". Not thread-safe.
class MemoryPath {
 public:
  /// `dense`: without an embedder recall is by words alone.
  explicit MemoryPath(std::unique_ptr<memory::MemoryStore> store, memory::DenseLeg::Parts dense = {});

  void take(const Message& message);
  void take(const Facts& facts);
  void take(const Forget& forget);
  Findings ask(const Question& question, std::size_t k, std::size_t tokens);
  /// Facts that the person's own words do not bear out are not believed.
  [[nodiscard]] std::size_t facts() const noexcept { return recall_.facts(); }

 private:
  void hear(std::vector<memory::Told>& told);
  void work(std::vector<memory::Ask> asks);
  /// Until no job is left.
  void extract();
  [[nodiscard]] std::string answer(const memory::Job& job) const;
  /// What the embedder says, when it has read everything.
  [[nodiscard]] std::vector<memory::TurnIndex::Vote> votes(const std::string& question);
  void add_sources(const std::string& statement, std::vector<std::string>& ids) const;
  [[nodiscard]] const std::string& id_of(const memory::MessageKey& key) const;

  test::TempFolder folder_;
  std::unique_ptr<memory::MemoryStore> store_;
  memory::DatabaseTask task_;
  memory::Recall recall_;
  std::counting_semaphore<> news_{0};  // of the embedder's threads
  std::unique_ptr<memory::DenseLeg> dense_;
  std::vector<memory::VectorKey> awaited_;  // of messages
  std::map<std::string, memory::MessageKey> keys_;
  std::vector<std::string> ids_;  // by sequence - 1
  std::vector<std::vector<Facts::Item>> facts_;
  std::map<std::string, std::vector<std::string>> sources_;  // by statement
  std::vector<memory::Fact> known_;
  std::optional<memory::Job> job_;
  bool claimed_ = false;
  bool waiting_ = false;  // jobs, or facts, that are not worked off
};

}  // namespace prot::eval
