#include "heap_pages.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "heap_report.hpp"

namespace prot::web {
namespace {

constexpr Nanos kNamesWithin = 8 * kSecond;  // less than the server waits for an answer

SymbolCache::Names look_up(const std::string& module, const std::vector<std::uint64_t>& offsets) {
  try {
    return symbols_at(module, offsets, kNamesWithin);
  } catch (const Error& error) {  // the numbers are there all the same
    log_warn("heap profile: {}", full_message(error));
    return {};
  }
}

}  // namespace

struct HeapPages::Shared {
  std::filesystem::path folder;
  std::function<void()> wake;
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::vector<http::ConnectionId> asking;
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
  shared_->asking.push_back(id);
  shared_->processes = std::move(processes);
  shared_->changed.notify_one();
}

std::vector<std::pair<http::ConnectionId, std::string>> HeapPages::take() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->pages, {});
}

void HeapPages::work(const std::shared_ptr<Shared>& shared) {
  SymbolCache symbols(look_up);
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return shared->ended || !shared->asking.empty(); });
    if (shared->ended) return;
    const std::vector<http::ConnectionId> asking = std::exchange(shared->asking, {});
    const auto processes = shared->processes;
    lock.unlock();
    std::vector<std::string> stages;
    std::vector<StageHeap> heaps;
    for (const auto& [stage, pid] : processes) {
      stages.push_back(stage);
      auto heap = read_stage_heap(shared->folder / (stage + ".json"));
      if (heap && heap->stage == stage && heap->pid == pid) heaps.push_back(std::move(*heap));
    }
    symbols.learn(heaps);
    const std::string page = heap_page(stages, heaps, symbols);
    lock.lock();
    for (const http::ConnectionId id : asking) shared->pages.emplace_back(id, page);
    if (shared->wake) shared->wake();
  }
}

}  // namespace prot::web
