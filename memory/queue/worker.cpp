#include "queue/worker.hpp"

#include <chrono>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace prot::memory {
namespace {

/// Runs a worker's thread body; what escapes it is a bug, and hiding it would lose memories.
template <typename F>
void guarded(const char* who, F&& body) {
  try {
    body();
  } catch (const std::exception& e) {
    log_error("{}: {}", who, full_message(e));
    std::terminate();
  }
}

}  // namespace

DatabaseWorker::DatabaseWorker(std::unique_ptr<MemoryStore> store, DatabaseTask::Folders folders,
                               ModelUse budget, std::function<void()> wake)
    : store_(std::move(store)),
      task_(*store_, std::move(folders), wall_now, budget),
      wake_(std::move(wake)),
      thread_([this] { guarded("database worker", [this] { run(); }); }) {}

DatabaseWorker::~DatabaseWorker() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
}

void DatabaseWorker::post(Ask&& ask) {
  {
    const std::lock_guard lock(mutex_);
    asks_.push_back(std::move(ask));
  }
  changed_.notify_one();
}

std::vector<Told> DatabaseWorker::poll() {
  const std::lock_guard lock(mutex_);
  return std::exchange(told_, {});
}

void DatabaseWorker::run() {
  std::vector<Told> told;
  while (true) {
    task_.tick(monotonic_now(), told);
    std::vector<Ask> asks;
    {
      std::unique_lock lock(mutex_);
      for (Told& item : told) told_.push_back(std::move(item));
      if (!told.empty()) {
        lock.unlock();
        wake_();
        lock.lock();
      }
      told.clear();
      const Nanos wait = std::clamp<Nanos>(task_.next_tick() - monotonic_now(), 0, 60 * kSecond);
      changed_.wait_for(lock, std::chrono::nanoseconds(wait), [this] { return ended_ || !asks_.empty(); });
      asks = std::exchange(asks_, {});
      if (ended_ && asks.empty()) break;
    }
    task_.handle(std::move(asks), told);
  }
  store_->close();
}

ModelWorker::ModelWorker(std::unique_ptr<ExtractionModel> model, std::function<void()> wake)
    : model_(std::move(model)),
      wake_(std::move(wake)),
      thread_([this] { guarded("model worker", [this] { run(); }); }) {}

ModelWorker::~ModelWorker() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    stop_.request_stop();
  }
  changed_.notify_one();
}

void ModelWorker::start(Question question) {
  {
    const std::lock_guard lock(mutex_);
    stop_ = std::stop_source();
    question_ = std::move(question);
  }
  changed_.notify_one();
}

void ModelWorker::cancel() {
  const std::lock_guard lock(mutex_);
  stop_.request_stop();
}

std::optional<ModelWorker::Answer> ModelWorker::poll() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

void ModelWorker::run() {
  while (true) {
    Question question;
    std::stop_token stop;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || question_.has_value(); });
      if (ended_) return;
      question = std::move(*question_);
      question_.reset();
      stop = stop_.get_token();
    }
    Answer answer;
    try {
      answer.text = model_->ask(question.instructions, question.text, question.schema, stop);
    } catch (const ServiceError& e) {
      answer.error = e.what();
      answer.kind = e.kind();
      answer.retry_after = e.retry_after();
    }
    answer.tokens = model_->tokens();
    {
      const std::lock_guard lock(mutex_);
      answer_ = std::move(answer);
    }
    wake_();
  }
}

}  // namespace prot::memory
