#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recall/memory_records.hpp"
#include "recall/turn_index.hpp"
#include "vectors/embedder.hpp"
#include "vectors/question_worker.hpp"
#include "vectors/vector_index.hpp"
#include "vectors/vector_worker.hpp"
#include "wire/memory.hpp"

namespace prot::memory {

/// What recall knows by meaning: the index of vectors, and the two threads that fill it and read questions.
/// The loop's thread; nothing here waits. Invariant: where not nearly everything has a vector of the model in
/// use (a new model, a service that was away), it finds nothing, and recall is by words alone. What the
/// index had to drop is asked of the store, where that can search (asks_store()): later, as a service is.
class DenseLeg {
 public:
  struct Parts {
    std::unique_ptr<VectorStore> store;
    std::unique_ptr<Embedder> documents;
    std::unique_ptr<Embedder> questions;  // of the same model
    std::unique_ptr<Reranker> reranker;   // null: none
    std::size_t ranked = 0;               // how many texts it reads
    Nanos first_wait = VectorWorker::kFirstWait;
    std::unique_ptr<NearSearch> search = {};  // of the store, for that model; null: it has none
  };
  using Near = VectorIndex::Near;

  DenseLeg(Parts parts, std::size_t max_bytes, const std::function<void()>& wake);

  /// Takes what the threads have; returns how much that was.
  int poll();
  /// What was just stored. Also without messages: the database is there.
  void stored(std::span<const Message> messages);
  /// Those that are believed now.
  void set_facts(std::span<const Fact> facts);
  void forget(const MessageKey& key) { index_.erase(VectorKey::of(key)); }

  [[nodiscard]] bool ready() const noexcept { return complete_ && index_.size() > 0; }
  /// The nearest to a question, where the model is on this machine and takes microseconds; nothing: see
  /// ask().
  [[nodiscard]] std::optional<std::vector<Near>> near_at_once(std::string_view question);
  /// What they have to say for messages: the best has 1 (less where words alone made the vectors), the worst
  /// nothing. A fact speaks for the message that it comes from.
  [[nodiscard]] std::vector<TurnIndex::Vote> votes(std::span<const Near> near) const;
  /// The same of ranks, by text; they say more than anything else.
  [[nodiscard]] static std::vector<TurnIndex::Vote> votes_of_ranks(std::span<const double> ranks,
                                                                   std::span<const MessageKey> texts);
  /// The nearest, or those that near_at_once() did not have, come later, if they come: poll, then
  /// take_answer(). False: none will come.
  bool ask(std::uint64_t request, std::string_view question);
  /// How well texts answer the question: likewise. False: there is no reranker.
  bool rank(std::uint64_t request, std::string_view question, std::vector<std::string> texts);
  [[nodiscard]] std::size_t ranked() const noexcept { return ranked_; }

  struct Answer {
    std::uint64_t request = 0;
    std::vector<Near> near = {};     // of ask()
    std::vector<double> ranks = {};  // of rank(), by text
    bool news = true;                // not what was told of this request before
    bool more = false;               // the store's come behind it
    bool of_store = false;           // there are some among them that only the store has
  };
  [[nodiscard]] std::optional<Answer> take_answer();

  [[nodiscard]] const VectorIndex& index() const noexcept { return index_; }
  [[nodiscard]] std::uint64_t pending() const noexcept { return counts_.pending; }
  [[nodiscard]] std::uint64_t vectors() const noexcept { return counts_.stored; }
  [[nodiscard]] bool failing() const noexcept { return failing_; }
  [[nodiscard]] const std::string& model() const noexcept { return model_; }
  [[nodiscard]] const StoreNear& store_near() const noexcept { return store_near_; }

  static constexpr std::size_t kNearest = QuestionWorker::kMostNear;
  // On our own corpora between 0.1 and 0.3 one or two questions of 228 change, to either side.
  static constexpr double kHashedVote = 0.1;
  static constexpr double kRankVote = 2.0;

 private:
  /// Asks it for what is near, beside what is known of that. False: it is not asked.
  bool ask_store(QuestionWorker::Task task);
  void tell_store_near(StoreNear near);

  std::string model_;
  std::size_t ranked_;
  bool store_searches_;
  bool store_wanted_ = false;
  StoreNear store_near_;
  QuestionWorker::Task at_once_;  // what near_at_once() found last
  VectorIndex index_;
  std::vector<std::pair<VectorKey, MessageKey>> facts_;  // of a statement, where it comes from; sorted
  std::unique_ptr<Embedder> instant_;
  bool complete_ = false;
  bool failing_ = false;
  VectorStore::Counts counts_;
  std::unique_ptr<QuestionWorker> questions_;
  std::unique_ptr<VectorWorker> vectors_;
};

}  // namespace prot::memory
