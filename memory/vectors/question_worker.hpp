#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "vectors/embedder.hpp"
#include "vectors/near_search.hpp"

namespace prot::memory {

/// Questions of the moment, to services that take their time: their vectors, ranks of texts, what a store
/// has near to them. One at a time, the newest first; those that nobody waits for any more are dropped. The
/// loop asks and polls, neither waits. Lifetime: the destructor cancels and joins.
class QuestionWorker {
 public:
  struct Task {
    std::uint64_t request = 0;
    std::string question;
    std::vector<std::string> texts;       // to be ranked
    Vector vector;                        // what is near to it in the store is wanted; neither: the vector is
    std::vector<VectorIndex::Near> near;  // the asker's, beside that

    [[nodiscard]] bool to_store() const noexcept { return !vector.empty(); }
  };
  struct Answer {
    Task task;
    Vector vector;
    std::vector<double> ranks;
    std::vector<VectorIndex::Near> near;
  };
  struct Services {
    std::unique_ptr<Embedder> embedder;
    std::unique_ptr<Reranker> reranker;
    std::unique_ptr<NearSearch> store;
  };

  /// Whoever is null may not be asked. `wake` is called on the worker's thread.
  QuestionWorker(Services services, std::function<void()> wake);
  ~QuestionWorker();
  QuestionWorker(const QuestionWorker&) = delete;
  QuestionWorker& operator=(const QuestionWorker&) = delete;

  void ask(Task task);
  /// What failed has no answer; of a store, an empty one.
  [[nodiscard]] std::optional<Answer> poll();

  static constexpr std::size_t kMaxWaiting = 4;
  static constexpr std::size_t kMostNear = 64;  // of a store

 private:
  void run();
  [[nodiscard]] std::optional<Answer> answer(Task task);
  void look_in_store(Answer& answer);
  void failed(const ServiceError& error);

  Services services_;
  std::function<void()> wake_;
  std::stop_source stop_;
  // The thread's.
  int failures_ = 0;
  Nanos closed_until_ = 0;  // it failed: questions go by words alone for a while
  int store_failures_ = 0;
  Nanos store_closed_until_ = 0;
  std::deque<std::pair<std::string, Vector>> known_;  // what was asked lately; talk asks the same twice
  std::mutex mutex_;
  std::condition_variable changed_;
  // Below: protected by mutex_.
  std::deque<Task> tasks_;
  std::deque<Answer> answers_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace prot::memory
