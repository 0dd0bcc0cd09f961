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

namespace prot::memory {

/// Questions of the moment, to services that take their time: their vectors, and ranks of texts. One at a
/// time, the newest first; those that nobody waits for any more are dropped. The loop asks and polls, neither
/// waits. Lifetime: the destructor cancels and joins.
class QuestionWorker {
 public:
  struct Task {
    std::uint64_t request = 0;
    std::string question;
    std::vector<std::string> texts;  // to be ranked; none: the question's vector is wanted
  };
  struct Answer {
    Task task;
    Vector vector;
    std::vector<double> ranks;
  };

  /// Either may be null: then nobody may ask for it. `wake` is called on the worker's thread.
  QuestionWorker(std::unique_ptr<Embedder> embedder, std::unique_ptr<Reranker> reranker,
                 std::function<void()> wake);
  ~QuestionWorker();
  QuestionWorker(const QuestionWorker&) = delete;
  QuestionWorker& operator=(const QuestionWorker&) = delete;

  void ask(Task task);
  /// What failed has no answer.
  [[nodiscard]] std::optional<Answer> poll();

  static constexpr std::size_t kMaxWaiting = 4;

 private:
  void run();
  [[nodiscard]] std::optional<Answer> answer(Task task);
  void failed(const ServiceError& error);

  std::unique_ptr<Embedder> embedder_;
  std::unique_ptr<Reranker> reranker_;
  std::function<void()> wake_;
  std::stop_source stop_;
  // The thread's.
  int failures_ = 0;
  Nanos closed_until_ = 0;                            // it failed: questions go by words alone for a while
  std::deque<std::pair<std::string, Vector>> known_;  // what was asked lately; talk asks the same twice
  std::mutex mutex_;
  std::condition_variable changed_;
  // Below: protected by mutex_.
  std::deque<Task> tasks_;
  std::deque<Answer> answers_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace prot::memory
