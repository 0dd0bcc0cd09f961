#include "audio_thread.hpp"

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::player {
namespace {

constexpr int kExitConfiguration = 78;
constexpr auto kOpenWithin = std::chrono::seconds(10);
constexpr auto kCloseWithin = std::chrono::seconds(1);

void raise_priority() noexcept {
  sched_param parameter{};
  parameter.sched_priority = 10;
  if (::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &parameter) != 0)
    log_debug("no real-time priority for the audio thread; going on without");
}

}  // namespace

SinkOpener open_first_of(std::vector<std::string> candidates, const SinkOptions& options) {
  return [candidates = std::move(candidates), options] {
    std::string reasons;
    for (const std::string& candidate : candidates) {
      try {
        std::unique_ptr<PcmSink> sink = make_sink(candidate, options);
        sink->start();
        return sink;
      } catch (const UsageError&) {
        throw;
      } catch (const Error& error) {
        reasons += (reasons.empty() ? "" : "; ") + full_message(error);
      }
    }
    throw Error(
        "no loudspeaker: " + reasons +
            "; connect one, name one with player.sink and player.device, or set player.sink to \"null\" "
            "to go on without",
        kExitConfiguration);
  };
}

struct AudioThread::Shared {
  std::shared_ptr<Playout> playout;
  std::atomic<bool> stop{false};
  std::atomic<bool> play_out{false};
  std::mutex mutex;  // guards what follows: start and end only
  std::condition_variable changed;
  std::exception_ptr failure;
  std::string name;
  bool answered = false;
  bool running = false;

  template <typename Change>
  void update(Change change) {
    {
      const std::scoped_lock lock(mutex);
      change();
    }
    changed.notify_all();
  }
};

AudioThread::AudioThread(std::shared_ptr<Playout> playout) : shared_(std::make_shared<Shared>()) {
  shared_->playout = std::move(playout);
}

AudioThread::~AudioThread() { stop(false); }

std::string AudioThread::start(bool patient) {
  shared_->running = true;
  std::thread([shared = shared_, patient] { run(shared, patient); }).detach();
  std::unique_lock lock(shared_->mutex);
  if (!shared_->changed.wait_for(lock, kOpenWithin, [this] { return shared_->answered; }))
    throw Error("the loudspeaker does not open: no answer from the device", kExitConfiguration);
  if (shared_->failure && !patient) std::rethrow_exception(shared_->failure);
  if (shared_->failure) log_warn("the loudspeaker does not open; trying again");
  return shared_->name;
}

void AudioThread::run(const std::shared_ptr<Shared>& shared, bool patient) {
  raise_priority();
  std::exception_ptr failure;
  std::string name;
  try {
    name = shared->playout->open();
  } catch (...) {
    failure = std::current_exception();  // start() throws it where it is seen
  }
  shared->update([&] {
    shared->failure = failure;
    shared->name = name;
    shared->answered = true;
  });
  if (!failure || patient) {
    while (!shared->stop.load(std::memory_order_acquire)) {
      const Nanos until = shared->playout->step();
      if (until != 0 && !shared->stop.load(std::memory_order_acquire)) shared->playout->wait(until);
    }
    shared->playout->close(shared->play_out.load());
  }
  shared->update([&] { shared->running = false; });
}

void AudioThread::stop(bool play_out) noexcept {
  if (shared_->stop.load()) return;
  shared_->play_out.store(play_out);
  shared_->stop.store(true, std::memory_order_release);
  shared_->playout->end();
  std::unique_lock lock(shared_->mutex);
  if (!shared_->changed.wait_for(lock, kCloseWithin, [this] { return !shared_->running; }))
    log_warn("the loudspeaker does not let go; leaving it behind");
}

}  // namespace prot::player
