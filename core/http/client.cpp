#include "http/client.hpp"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "http/transfer.hpp"

namespace prot::http {
namespace {
constexpr Nanos kLongestSleep = 60 * kSecond;
}

/// The worker thread and what it shares with the owner.
class Client::Worker final : public TransferEvents {
 public:
  Worker(std::function<void()> wake, std::size_t max_queued_bytes)
      : wake_(std::move(wake)), max_queued_bytes_(max_queued_bytes) {
    init_library();
    multi_.reset(curl_multi_init());
    if (!multi_) throw Error("cannot make a libcurl multi handle");
    start_thread();
  }

  ~Worker() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      wanted_.clear();
    }
    curl_multi_wakeup(multi_.get());
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  RequestId start(Request request) {
    RequestId id = 0;
    {
      const std::lock_guard lock(mutex_);
      id = ++last_id_;
      wanted_.insert(id);
      new_requests_.emplace_back(id, std::move(request));
    }
    curl_multi_wakeup(multi_.get());
    return id;
  }

  std::vector<Event> poll() {
    std::vector<Event> events;
    bool resume = false;
    {
      const std::lock_guard lock(mutex_);
      events.swap(events_);
      queued_bytes_ = 0;
      resume = std::exchange(someone_waits_, false);
      resume_ = resume_ || resume;
    }
    if (resume) curl_multi_wakeup(multi_.get());
    return events;
  }

  void cancel(RequestId id) {
    {
      const std::lock_guard lock(mutex_);
      wanted_.erase(id);
      const auto gone = [&](const Event& event) {
        if (event.id != id) return false;
        queued_bytes_ -= std::min(queued_bytes_, event.data.size());
        return true;
      };
      events_.erase(std::remove_if(events_.begin(), events_.end(), gone), events_.end());
      // What this one left may be room for a paused one.
      resume_ = resume_ || std::exchange(someone_waits_, false);
    }
    curl_multi_wakeup(multi_.get());
  }

  std::size_t live_handles() const noexcept { return live_handles_.load(); }

  void on_event(Event event) override {
    event.at = monotonic_now();
    {
      const std::lock_guard lock(mutex_);
      if (wanted_.count(event.id) == 0) return;
      queued_bytes_ += event.data.size();
      events_.push_back(std::move(event));
    }
    if (wake_) wake_();
  }

  bool has_room() override {
    const std::lock_guard lock(mutex_);
    if (queued_bytes_ < max_queued_bytes_) return true;
    someone_waits_ = true;
    return false;
  }

 private:
  struct MultiCleanup {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
  };

  /// Signals are the main thread's.
  void start_thread() {
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
  }

  void run() {
    while (take_orders()) {
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      collect_completed();
      const Nanos now = monotonic_now();
      Nanos next = now + kLongestSleep;
      for (const auto& [id, transfer] : transfers_) {
        transfer->check_deadline(now);
        next = std::min(next, transfer->deadline());
      }
      remove_ended();
      const Nanos wait_ms = std::max<Nanos>(0, (next - now + kMillisecond - 1) / kMillisecond);
      curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait_ms), nullptr);
    }
    while (!transfers_.empty()) remove(transfers_.begin()->first);
  }

  /// What the owner asked for since the last time. False: stop.
  bool take_orders() {
    std::vector<std::pair<RequestId, Request>> fresh;
    std::vector<RequestId> unwanted;
    bool resume = false;
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return false;
      fresh.swap(new_requests_);
      resume = std::exchange(resume_, false);
      for (const auto& [id, transfer] : transfers_) {
        if (wanted_.count(id) == 0) unwanted.push_back(id);
      }
      std::erase_if(fresh, [&](const auto& request) { return wanted_.count(request.first) == 0; });
    }
    for (const RequestId id : unwanted) remove(id);
    for (auto& [id, request] : fresh) add(id, std::move(request));
    if (resume) {
      for (const auto& [id, transfer] : transfers_) transfer->resume();
    }
    return true;
  }

  void add(RequestId id, Request request) {
    try {
      auto transfer = std::make_unique<Transfer>(id, std::move(request), *this, live_handles_);
      if (transfer->ended()) return forget(id);
      curl_multi_add_handle(multi_.get(), transfer->easy());
      transfers_.emplace(id, std::move(transfer));
    } catch (const Error& error) {
      Event event;
      event.kind = Event::Kind::kError;
      event.id = id;
      event.message = error.what();
      on_event(std::move(event));
      forget(id);
    }
  }

  void collect_completed() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      transfer->complete(message->data.result);
    }
  }

  void remove_ended() {
    std::vector<RequestId> ended;
    for (const auto& [id, transfer] : transfers_) {
      if (transfer->ended()) ended.push_back(id);
    }
    for (const RequestId id : ended) {
      remove(id);
      forget(id);
    }
  }

  /// Takes the handle out and frees it; a connection in the middle of an answer is closed by that.
  void remove(RequestId id) {
    const auto found = transfers_.find(id);
    curl_multi_remove_handle(multi_.get(), found->second->easy());
    transfers_.erase(found);
  }

  void forget(RequestId id) {
    const std::lock_guard lock(mutex_);
    wanted_.erase(id);
  }

  // Set once.
  std::function<void()> wake_;
  std::size_t max_queued_bytes_;
  std::unique_ptr<CURLM, MultiCleanup> multi_;  // only curl_multi_wakeup() from other threads
  std::atomic<std::size_t> live_handles_ = 0;
  // The worker thread's.
  std::map<RequestId, std::unique_ptr<Transfer>> transfers_;
  // Protected by mutex_.
  std::mutex mutex_;
  std::vector<Event> events_;
  std::size_t queued_bytes_ = 0;
  std::vector<std::pair<RequestId, Request>> new_requests_;
  std::set<RequestId> wanted_;  // started, not cancelled, not ended
  RequestId last_id_ = 0;
  bool someone_waits_ = false;  // a transfer is paused until poll()
  bool resume_ = false;
  bool stop_ = false;

  std::thread thread_;
};

Client::Client(std::function<void()> wake, std::size_t max_queued_bytes)
    : worker_(std::make_unique<Worker>(std::move(wake), max_queued_bytes)) {}
Client::~Client() = default;
RequestId Client::start(Request request) { return worker_->start(std::move(request)); }
std::vector<Event> Client::poll() { return worker_->poll(); }
void Client::cancel(RequestId id) { worker_->cancel(id); }
std::size_t Client::live_handles() const noexcept { return worker_->live_handles(); }

}  // namespace prot::http
