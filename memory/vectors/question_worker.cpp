#include "vectors/question_worker.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "memory_store.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kMaxKnown = 32;
constexpr int kMaxFailures = 3;  // in a row, then it is left alone
constexpr Nanos kClosed = 30 * kSecond;
constexpr Nanos kClosedLong = 600 * kSecond;  // a wrong key gets no better

}  // namespace

QuestionWorker::QuestionWorker(Services services, std::function<void()> wake)
    : services_(std::move(services)), wake_(std::move(wake)), thread_([this] { run(); }) {}

QuestionWorker::~QuestionWorker() {
  {
    const std::lock_guard lock(mutex_);
    stop_.request_stop();
  }
  if (services_.store) services_.store->abort();
  changed_.notify_all();
}

void QuestionWorker::ask(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > kMaxWaiting) tasks_.pop_front();
  }
  changed_.notify_all();
}

std::optional<QuestionWorker::Answer> QuestionWorker::poll() {
  const std::lock_guard lock(mutex_);
  if (answers_.empty()) return std::nullopt;
  Answer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

void QuestionWorker::run() {
  while (true) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_.stop_requested() || !tasks_.empty(); });
      if (stop_.stop_requested()) return;
      task = std::move(tasks_.back());
      tasks_.pop_back();
    }
    std::optional<Answer> made = answer(std::move(task));
    if (!made) continue;
    {
      const std::lock_guard lock(mutex_);
      answers_.push_back(std::move(*made));
    }
    wake_();
  }
}

std::optional<QuestionWorker::Answer> QuestionWorker::answer(Task task) {
  Answer made{std::move(task), {}, {}, {}};
  if (made.task.to_store()) {
    look_in_store(made);
    return made;
  }
  const bool ranks = !made.task.texts.empty();
  const auto known = std::find_if(known_.begin(), known_.end(),
                                  [&](const auto& one) { return one.first == made.task.question; });
  if (!ranks && known != known_.end()) {
    made.vector = known->second;
    return made;
  }
  if (monotonic_now() < closed_until_) return std::nullopt;
  try {
    if (ranks) {
      made.ranks = services_.reranker->rank(made.task.question, made.task.texts, stop_.get_token());
    } else {
      const std::vector<std::string> texts{made.task.question};
      Embedded embedded = services_.embedder->embed(texts, TextKind::kQuery, stop_.get_token());
      if (embedded.error) throw *embedded.error;
      if (embedded.vectors[0].empty()) return std::nullopt;  // it takes no such question
      made.vector = std::move(embedded.vectors[0]);
      known_.emplace_back(made.task.question, made.vector);
      if (known_.size() > kMaxKnown) known_.pop_front();
    }
    failures_ = 0;
    return made;
  } catch (const ServiceError& e) {
    failed(e);
    return std::nullopt;
  }
}

void QuestionWorker::look_in_store(Answer& answer) {
  if (monotonic_now() < store_closed_until_) return;
  try {
    answer.near = services_.store->nearest(answer.task.vector, kMostNear);
    store_failures_ = 0;
  } catch (const StoreError& e) {
    if (++store_failures_ < kMaxFailures) return;
    log_warn("{}; what memory has no room for is found by words alone for a while", e.what());
    store_closed_until_ = monotonic_now() + kClosed;
    store_failures_ = 0;
  }
}

void QuestionWorker::failed(const ServiceError& error) {
  if (error.kind() == ServiceError::Kind::kCancelled) return;
  const bool hopeless =
      error.kind() == ServiceError::Kind::kKey || error.kind() == ServiceError::Kind::kQuota;
  if (++failures_ < kMaxFailures && !hopeless) return;
  log_warn("recall by words alone for a while: {} ({})", error.what(), to_string(error.kind()));
  closed_until_ = monotonic_now() + std::max(hopeless ? kClosedLong : kClosed, error.retry_after());
  failures_ = 0;
}

}  // namespace prot::memory
