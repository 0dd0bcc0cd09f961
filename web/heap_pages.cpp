#include "heap_pages.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/symbols.hpp"
#include "heap_report.hpp"
#include "symbol_cache.hpp"

namespace prot::web {
namespace {

// From the first question to a page, all names of it together: the server waits 10 s.
constexpr Nanos kNamesWithin = 8 * kSecond;

/// Asks addr2line, and says once what went wrong: the numbers are there all the same.
class Namer {
 public:
  SymbolCache::Names look_up(const std::string& module, const std::vector<std::uint64_t>& offsets,
                             Nanos within) {
    try {
      SymbolAnswer answer = ask_symbols(module, offsets, within);
      if (!answer.trouble.empty()) complain(module + ": " + answer.trouble);
      return std::move(answer.places);
    } catch (const Error& error) {
      complain(full_message(error));
      return {};
    }
  }

 private:
  void complain(const std::string& why) {
    if (said_.insert(why).second) log_warn("heap profile: {}", why);
  }
  std::set<std::string> said_;
};

std::string file_at(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return fmt::format("{} {} {} {}.{}", found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec,
                     found.st_mtim.tv_nsec);
}

}  // namespace

struct HeapPages::Shared {
  std::filesystem::path folder;
  std::function<void()> wake;
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::vector<http::ConnectionId> asking;
  Nanos asked_at = 0;                             // the first of them
  std::map<std::string, std::int64_t> processes;  // of the newest question
  std::vector<std::pair<http::ConnectionId, std::string>> pages;
};

HeapPages::HeapPages(std::filesystem::path folder, std::function<void()> wake)
    : shared_(std::make_shared<Shared>()) {
  shared_->folder = std::move(folder);
  shared_->wake = std::move(wake);
  std::thread([shared = shared_] { work(shared); }).detach();
}

HeapPages::~HeapPages() {
  const std::lock_guard lock(shared_->mutex);
  shared_->ended = true;
  shared_->wake = nullptr;
  shared_->changed.notify_one();
}

void HeapPages::ask(http::ConnectionId id, std::map<std::string, std::int64_t> processes) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->asking.empty()) shared_->asked_at = monotonic_now();
  shared_->asking.push_back(id);
  shared_->processes = std::move(processes);
  shared_->changed.notify_one();
}

std::vector<std::pair<http::ConnectionId, std::string>> HeapPages::take() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->pages, {});
}

void HeapPages::work(const std::shared_ptr<Shared>& shared) {
  const SteadyClock clock;
  Namer namer;
  SymbolCache symbols(clock, file_at, [&namer](const auto& module, const auto& offsets, Nanos within) {
    return namer.look_up(module, offsets, within);
  });
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return shared->ended || !shared->asking.empty(); });
    if (shared->ended) return;
    const std::vector<http::ConnectionId> asking = std::exchange(shared->asking, {});
    const auto processes = shared->processes;
    const Nanos until = shared->asked_at + kNamesWithin;
    lock.unlock();
    std::vector<std::string> stages;
    std::vector<StageHeap> heaps;
    for (const auto& [stage, pid] : processes) {
      stages.push_back(stage);
      auto heap = read_stage_heap(shared->folder / (stage + ".json"));
      if (heap && heap->stage == stage && heap->pid == pid) heaps.push_back(std::move(*heap));
    }
    symbols.learn(heaps, until);
    const std::string page = heap_page(stages, heaps, symbols);
    lock.lock();
    for (const http::ConnectionId id : asking) shared->pages.emplace_back(id, page);
    if (shared->wake) shared->wake();
  }
}

}  // namespace prot::web
