#include "audio_thread.hpp"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::capture {
namespace {

constexpr int kExitConfiguration = 78;
constexpr std::size_t kQueuedWindows = 64;  // 2 s: longer than any hiccup of the loop
constexpr auto kFirstBackOff = std::chrono::milliseconds(250);
constexpr auto kLastBackOff = std::chrono::milliseconds(5000);
constexpr auto kOpenDeadline = std::chrono::seconds(10);
constexpr auto kCloseDeadline = std::chrono::milliseconds(200);

ipc::Doorbell duplicate(const ipc::Doorbell& bell) {
  UniqueFd fd(::fcntl(bell.fd(), F_DUPFD_CLOEXEC, 3));
  if (!fd) throw errno_error("cannot duplicate the bell");
  return ipc::Doorbell(std::move(fd));
}

}  // namespace

SourceOpener open_first_of(std::vector<std::string> candidates, const SourceOptions& options) {
  return [candidates = std::move(candidates), options] {
    std::string reasons;
    for (const std::string& candidate : candidates) {
      try {
        std::unique_ptr<PcmSource> source = make_source(candidate, options);
        source->start();
        return source;
      } catch (const UsageError&) {
        throw;
      } catch (const Error& error) {
        reasons += (reasons.empty() ? "" : "; ") + full_message(error);
      }
    }
    throw Error("no microphone: " + reasons +
                    "; plug one in, name one with capture.source and capture.device, or set capture.source "
                    "to \"null\" to go on without",
                kExitConfiguration);
  };
}

struct AudioThread::Shared {
  Shared(SourceOpener open_source, ipc::Doorbell own_bell)
      : opener(std::move(open_source)), bell(std::move(own_bell)) {}

  const SourceOpener opener;
  const ipc::Doorbell bell;
  boost::lockfree::spsc_queue<Window, boost::lockfree::capacity<kQueuedWindows>> queue;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> revision{0};
  std::atomic<std::uint64_t> dropped{0};

  // Audio thread only.
  Window window;
  std::uint64_t next_sample = 0;
  std::uint32_t unqueued = 0;
  std::uint32_t opening = 0;
  std::string last_error;

  // Guarded by mutex: rare changes of state only.
  mutable std::mutex mutex;
  std::condition_variable changed;
  FeedStatus status;
  std::string first_error;
  int first_exit_code = 0;
  bool started = false;
  bool first_open_done = false;
  bool ended = false;

  template <typename Change>
  void update(Change change) {
    {
      const std::lock_guard lock(mutex);
      change();
    }
    changed.notify_all();
    revision.fetch_add(1);
    bell.ring();
  }
};

AudioThread::AudioThread(SourceOpener opener, const ipc::Doorbell& bell)
    : shared_(std::make_shared<Shared>(std::move(opener), duplicate(bell))) {
  // The index never falls, over restarts too: it counts from the machine's start.
  const Nanos now = monotonic_now();
  shared_->next_sample = static_cast<std::uint64_t>(now / kSecond) * wire::kMicRate;
}

AudioThread::~AudioThread() {
  close();
  std::unique_lock lock(shared_->mutex);
  if (!shared_->changed.wait_for(lock, kCloseDeadline, [&] { return shared_->ended || !shared_->started; }))
    log_warn("the microphone does not let go; leaving it behind");
}

void AudioThread::start(bool patient) {
  const std::shared_ptr<Shared> shared = shared_;
  shared->started = true;
  std::thread([shared] { run(shared); }).detach();
  std::unique_lock lock(shared->mutex);
  const bool answered =
      shared->changed.wait_for(lock, kOpenDeadline, [&] { return shared->first_open_done; });
  if (patient || (answered && shared->first_error.empty())) return;
  shared->stop.store(true);
  shared->changed.notify_all();
  throw Error(answered ? shared->first_error : "the microphone does not open: no answer from the device",
              shared->first_exit_code != 0 ? shared->first_exit_code : 1);
}

std::unique_ptr<PcmSource> AudioThread::open(Shared& shared) {
  try {
    std::unique_ptr<PcmSource> source = shared.opener();
    ++shared.opening;
    shared.update([&] {
      shared.first_open_done = true;
      shared.status.open = true;
      shared.status.device = source->name();
    });
    return source;
  } catch (const Error& error) {
    std::string why = full_message(error);
    if (shared.opening > 0 && why != shared.last_error) log_error("microphone: {}; trying again", why);
    shared.last_error = why;
    shared.update([&] {
      if (!shared.first_open_done) {
        shared.first_error = std::move(why);
        shared.first_exit_code = error.exit_code();
      }
      shared.first_open_done = true;
    });
    return nullptr;
  }
}

void AudioThread::run(const std::shared_ptr<Shared>& shared) {
  auto back_off = kFirstBackOff;
  while (!shared->stop.load()) {
    if (const std::unique_ptr<PcmSource> source = open(*shared); source != nullptr) {
      const std::uint64_t before = shared->next_sample;
      read_until_lost(*shared, *source);
      // A device that fails at once each time must not be opened four times a second for ever.
      if (shared->next_sample - before > wire::kMicRate) back_off = kFirstBackOff;
    }
    std::unique_lock lock(shared->mutex);
    shared->changed.wait_for(lock, back_off, [&] { return shared->stop.load(); });
    back_off = std::min(back_off * 2, kLastBackOff);
  }
  shared->update([&] {
    shared->status.open = false;
    shared->ended = true;
  });
}

void AudioThread::read_until_lost(Shared& shared, PcmSource& source) {
  Window& window = shared.window;
  const auto lost = [&](const std::string& why) {
    log_error("microphone {}: {}; opening it again", source.name(), why);
    shared.update([&] {
      shared.status.open = false;
      ++shared.status.lost;
    });
  };
  try {
    while (!shared.stop.load(std::memory_order_relaxed)) {
      if (!source.read(window.samples)) {
        lost("it has ended");
        return;
      }
      window.at = monotonic_now() - source.latency();
      window.first_sample = shared.next_sample;
      window.missing = shared.unqueued;
      window.opening = shared.opening;
      shared.next_sample += wire::kMicWindow;
      if (shared.queue.push(window)) {
        shared.unqueued = 0;
      } else {
        shared.unqueued += wire::kMicWindow;
        shared.dropped.fetch_add(wire::kMicWindow, std::memory_order_relaxed);
      }
      shared.bell.ring();
    }
  } catch (const Error& error) {
    lost(full_message(error));
  }
}

bool AudioThread::pop(Window& window) noexcept { return shared_->queue.pop(window); }

FeedStatus AudioThread::status() const {
  const std::lock_guard lock(shared_->mutex);
  FeedStatus status = shared_->status;
  status.dropped = shared_->dropped.load();
  return status;
}

std::uint64_t AudioThread::revision() const noexcept { return shared_->revision.load(); }

void AudioThread::close() noexcept {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop.store(true);
  }
  shared_->changed.notify_all();
}

bool AudioThread::closed() const noexcept {
  const std::lock_guard lock(shared_->mutex);
  return shared_->ended || !shared_->started;
}

}  // namespace prot::capture
