#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "extraction/extraction_model.hpp"
#include "queue/database_task.hpp"

/// Memory's two threads. The loop puts questions and takes answers; neither call waits. `wake` rings the
/// loop's bell; it is called on the worker's thread.
namespace prot::memory {

/// Owns the database task, and with it the connection, on one thread. Lifetime: the destructor finishes what
/// was asked, then joins.
class DatabaseWorker {
 public:
  DatabaseWorker(std::unique_ptr<MemoryStore> store, DatabaseTask::Folders folders, ModelUse budget,
                 std::function<void()> wake);
  ~DatabaseWorker();
  DatabaseWorker(const DatabaseWorker&) = delete;
  DatabaseWorker& operator=(const DatabaseWorker&) = delete;

  void post(Ask&& ask);
  [[nodiscard]] std::vector<Told> poll();
  /// What was asked, and whatever comes, takes no longer than that: what the database has no time for goes to
  /// the spool.
  void end_within(Nanos left) noexcept { store_->end_within(left); }

 private:
  void run();

  std::unique_ptr<MemoryStore> store_;
  DatabaseTask task_;  // the thread's
  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Below: protected by mutex_.
  std::vector<Ask> asks_;
  std::vector<Told> told_;
  bool ended_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

/// One question to the model at a time.
class ModelWorker {
 public:
  struct Question {
    std::string instructions;
    std::string text;
    std::string schema;
  };
  struct Answer {
    std::string text;
    std::string error;  // empty: it answered
    ServiceError::Kind kind = ServiceError::Kind::kFailed;
    Nanos retry_after = 0;     // kUnavailable: what the server asked for
    std::uint64_t tokens = 0;  // of this question, also when it cannot be used
  };
  ModelWorker(std::unique_ptr<ExtractionModel> model, std::function<void()> wake);
  /// Cancels and joins.
  ~ModelWorker();
  ModelWorker(const ModelWorker&) = delete;
  ModelWorker& operator=(const ModelWorker&) = delete;

  /// REQUIRES: the last question was answered.
  void start(Question question);
  /// The answer then comes soon, as kCancelled or whole.
  void cancel();
  [[nodiscard]] std::optional<Answer> poll();

 private:
  void run();

  std::unique_ptr<ExtractionModel> model_;
  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Below: protected by mutex_.
  std::optional<Question> question_;
  std::optional<Answer> answer_;
  std::stop_source stop_;
  bool ended_ = false;
  std::jthread thread_;
};

}  // namespace prot::memory
