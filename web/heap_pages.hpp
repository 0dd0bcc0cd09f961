#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/server.hpp"

namespace prot::web {

/// Makes /memory on a thread of its own: to name addresses takes seconds when a program is big. Whoever asks
/// meanwhile gets the next page, one for all. One thread uses it (the loop's).
/// Lifetime: the thread ends with it; one that is naming is left alone and ends with the process.
class HeapPages {
 public:
  /// `wake`: called on the worker's thread when take() has something; must be thread-safe, for ever.
  HeapPages(std::filesystem::path folder, std::function<void()> wake);
  ~HeapPages();
  HeapPages(const HeapPages&) = delete;
  HeapPages& operator=(const HeapPages&) = delete;

  /// `processes`: pids of the stages; a file of another process is not shown.
  void ask(http::ConnectionId id, std::map<std::string, std::int64_t> processes);
  /// Pages that are ready, and for whom.
  [[nodiscard]] std::vector<std::pair<http::ConnectionId, std::string>> take();

 private:
  struct Shared;
  static void work(const std::shared_ptr<Shared>& shared);
  std::shared_ptr<Shared> shared_;
};

}  // namespace prot::web
