#include "embedders/request_pool.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>

namespace prot::memory {
namespace {

using Kind = ServiceError::Kind;

constexpr std::size_t kMaxBody = 64U << 20U;

/// It is the service's or ours, not this request's.
bool befalls_all(Kind kind) noexcept {
  return kind == Kind::kUnavailable || kind == Kind::kKey || kind == Kind::kQuota || kind == Kind::kCancelled;
}

}  // namespace

ServiceError::Kind kind_of(http::ErrorClass error_class, int status, std::string_view body) {
  std::string lower(body.substr(0, 2000));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto says = [&](std::string_view word) { return lower.find(word) != std::string::npos; };
  // llama-server says so under status 500.
  const bool large = says("too large") || says("too long") || says("too many tokens") ||
                     says("max allowed") || says("context length") || says("context size") ||
                     says("maximum context");
  if (status == 413 || (large && (status == 400 || status == 422 || status == 500))) return Kind::kTooLarge;
  switch (error_class) {
    case http::ErrorClass::kAuth:
      return Kind::kKey;
    case http::ErrorClass::kQuota:
      return Kind::kQuota;
    case http::ErrorClass::kRetry:
    case http::ErrorClass::kOverloaded:
      return Kind::kUnavailable;
    case http::ErrorClass::kFatal:
      return Kind::kFailed;
  }
  return Kind::kFailed;
}

/// One run: the entries and what happens to them.
class RequestPool::Round {
 public:
  Round(RequestPool& pool, const std::vector<http::Request>& requests, const Take& take)
      : pool_(pool), requests_(requests), take_(take), entries_(requests.size()), errors_(requests.size()) {}

  [[nodiscard]] bool done() const { return finished_ == entries_.size(); }
  Errors errors() { return std::move(errors_); }

  /// Starts what may start; returns when the next may.
  Nanos start_due() {
    Nanos next = kNever;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Entry& entry = entries_[i];
      if (entry.state != Entry::State::kWaiting) continue;
      if (running_ == pool_.rules_.at_once) return kNever;  // the end of another wakes us
      const Nanos due = std::max(entry.due, pool_.hold_until_);
      if (monotonic_now() < due) {
        next = std::min(next, due);
        continue;
      }
      entry.state = Entry::State::kRunning;
      entry.body.clear();
      ++entry.tries;
      ++running_;
      entry.id = pool_.client_.start(requests_[i]);
    }
    return next;
  }

  void take_events() {
    for (http::Event& event : pool_.client_.poll()) {
      const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.state == Entry::State::kRunning && entry.id == event.id;
      });
      if (found == entries_.end()) continue;
      const auto index = static_cast<std::size_t>(found - entries_.begin());
      switch (event.kind) {
        case http::Event::Kind::kStatus:
          break;
        case http::Event::Kind::kData:
          found->body += event.data;
          if (found->body.size() > kMaxBody) {
            pool_.client_.cancel(event.id);
            failed(index, ServiceError(Kind::kFailed, "the answer is longer than allowed"), false);
          }
          break;
        case http::Event::Kind::kDone:
          answered(index);
          break;
        case http::Event::Kind::kError:
          failed_there(index, event);
          break;
      }
    }
  }

  void end_all(const ServiceError& error) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Entry& entry = entries_[i];
      if (entry.state == Entry::State::kDone) continue;
      if (entry.state == Entry::State::kRunning) {
        pool_.client_.cancel(entry.id);
        --running_;
      }
      finish(entry);
      errors_[i] = error;
    }
  }

 private:
  void finish(Entry& entry) {
    entry.state = Entry::State::kDone;
    entry.body = {};
    ++finished_;
  }

  void answered(std::size_t index) {
    try {
      take_(index, entries_[index].body);
    } catch (const ServiceError& e) {
      return failed(index, e, true);
    } catch (const Error& e) {
      return failed(index, ServiceError(Kind::kFailed, std::string("the service's answer: ") + e.what()),
                    true);
    }
    --running_;
    finish(entries_[index]);
  }

  void failed_there(std::size_t index, const http::Event& event) {
    const Kind kind = kind_of(event.error_class, event.status, event.data);
    failed(index, ServiceError(kind, event.message, event.retry_after), kind == Kind::kUnavailable);
  }

  /// `may_pass`: another try may go better.
  void failed(std::size_t index, const ServiceError& error, bool may_pass) {
    Entry& entry = entries_[index];
    --running_;
    const Nanos now = monotonic_now();
    const Nanos wish = error.retry_after();
    const bool again = may_pass && entry.tries < pool_.rules_.tries && wish <= pool_.rules_.longest_wait;
    if (again) {
      if (wish > 0) pool_.hold_until_ = std::max(pool_.hold_until_, now + wish);
      entry.state = Entry::State::kWaiting;
      entry.due = now + (wish > 0 ? 0 : pool_.back_off(entry.tries));
      return;
    }
    finish(entry);
    errors_[index] = error;
    if (befalls_all(error.kind())) end_all(error);
  }

  RequestPool& pool_;
  const std::vector<http::Request>& requests_;
  const Take& take_;
  std::vector<Entry> entries_;
  Errors errors_;
  std::size_t running_ = 0;
  std::size_t finished_ = 0;
};

RequestPool::RequestPool(Rules rules)
    : rules_(rules), random_(std::random_device{}()), client_([this] { wake(); }, kMaxBody) {}

void RequestPool::wake() {
  {
    const std::lock_guard lock(mutex_);
    news_ = true;
  }
  changed_.notify_one();
}

void RequestPool::wait_until(Nanos time) {
  constexpr Nanos kLongest = 60 * kSecond;
  const Nanos wait = std::clamp<Nanos>(time - monotonic_now(), 0, kLongest);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::nanoseconds(wait), [this] { return news_; });
  news_ = false;
}

Nanos RequestPool::back_off(int tries) {
  Nanos most = rules_.first_wait;
  for (int i = 1; i < tries && most < rules_.longest_wait; ++i) most *= 2;
  return std::uniform_int_distribution<Nanos>(most / 2, std::min(most, rules_.longest_wait))(random_);
}

RequestPool::Errors RequestPool::run(const std::vector<http::Request>& requests, const Take& take,
                                     const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  Round round(*this, requests, take);
  while (!round.done()) {
    if (stop.stop_requested()) {
      round.end_all(ServiceError(Kind::kCancelled, "cancelled"));
      break;
    }
    wait_until(std::min(round.start_due(), monotonic_now() + 60 * kSecond));
    round.take_events();
  }
  return round.errors();
}

}  // namespace prot::memory
