#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embedder.hpp"
#include "memory_records.hpp"
#include "question_worker.hpp"
#include "vector_index.hpp"
#include "vector_worker.hpp"
#include "wire/memory.hpp"

namespace prot::memory {

/// What recall knows by meaning: the index of vectors, and the two threads that fill it and read questions.
/// The loop's thread; nothing here waits. Invariant: where not nearly everything has a vector of the model in
/// use (a new model, a service that was away), it finds nothing, and recall is by words alone.
class DenseLeg {
 public:
  struct Parts {
    std::unique_ptr<VectorStore> store;
    std::unique_ptr<Embedder> documents;
    std::unique_ptr<Embedder> questions;  // of the same model
    std::unique_ptr<Reranker> reranker;   // null: none
    std::size_t ranked = 0;               // how many texts it reads
    Nanos first_wait = VectorWorker::kFirstWait;
  };
  using Near = VectorIndex::Near;

  DenseLeg(Parts parts, std::size_t max_bytes, const std::function<void()>& wake);

  /// Takes what the threads have; returns how much that was.
  int poll();
  /// What was just stored. Also without messages: the database is there, facts are others.
  void stored(std::span<const Message> messages, std::span<const Fact> facts = {});
  void forget(const VectorKey& key) { index_.erase(key); }

  [[nodiscard]] bool ready() const noexcept { return complete_ && index_.size() > 0; }
  /// The nearest to a question, where the model is on this machine and takes microseconds; nothing: see
  /// ask().
  [[nodiscard]] std::optional<std::vector<Near>> near_at_once(std::string_view question);
  /// The nearest come later, if they come: poll, then take_answer().
  void ask(std::uint64_t request, std::string_view question);
  /// How well texts answer the question: likewise. False: there is no reranker.
  bool rank(std::uint64_t request, std::string_view question, std::vector<std::string> texts);
  [[nodiscard]] std::size_t ranked() const noexcept { return ranked_; }

  struct Answer {
    std::uint64_t request = 0;
    std::vector<Near> near;     // of ask()
    std::vector<double> ranks;  // of rank(), by text
  };
  [[nodiscard]] std::optional<Answer> take_answer();

  [[nodiscard]] const VectorIndex& index() const noexcept { return index_; }
  [[nodiscard]] std::uint64_t pending() const noexcept { return counts_.pending; }
  [[nodiscard]] std::uint64_t vectors() const noexcept { return counts_.stored; }
  [[nodiscard]] bool failing() const noexcept { return failing_; }
  [[nodiscard]] const std::string& model() const noexcept { return model_; }

  static constexpr std::size_t kNearest = 64;

 private:
  std::string model_;
  std::size_t ranked_;
  VectorIndex index_;
  std::unique_ptr<Embedder> instant_;
  bool complete_ = false;
  bool failing_ = false;
  VectorStore::Counts counts_;
  std::unique_ptr<QuestionWorker> questions_;
  std::unique_ptr<VectorWorker> vectors_;
};

}  // namespace prot::memory
