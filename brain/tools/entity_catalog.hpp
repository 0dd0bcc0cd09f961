#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tools/home_link.hpp"

namespace prot::brain {

/// The entities of a home: id -> the name that people use. Bounded. Immutable once made.
struct Entities {
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kLongestName = 80;  // bytes
  std::map<std::string, std::string, std::less<>> names;

  [[nodiscard]] bool has(std::string_view id) const { return names.contains(id); }
  /// Its name, or the id.
  [[nodiscard]] std::string_view name_of(std::string_view id) const;
  /// Ids that look or sound like `id`, the likeliest first.
  [[nodiscard]] std::vector<std::string> like(std::string_view id, std::size_t most) const;
};
/// Of the answer to GET /api/states. Throws Error when it is none.
[[nodiscard]] Entities read_entities(std::string_view states_json);

/// The list of a home's entities, fetched by a worker thread at the start, then now and then, and when one is
/// asked for that it does not have. Keeps the last good one. Thread-safe. Lifetime: the link lives longer;
/// `wake` is called on the worker, never after the destructor returns.
class EntityCatalog {
 public:
  static constexpr Nanos kEvery = 300 * kSecond;
  static constexpr Nanos kAtMostEvery = 5 * kSecond;  // a model that makes up ids asks for it all the time
  static constexpr Nanos kTimeLimit = 8 * kSecond;

  EntityCatalog(HomeLink& link, std::function<void()> wake);
  ~EntityCatalog();
  EntityCatalog(const EntityCatalog&) = delete;
  EntityCatalog& operator=(const EntityCatalog&) = delete;

  /// The newest list; null: none has come yet.
  [[nodiscard]] std::shared_ptr<const Entities> entities() const;
  /// Asks for a new one. The number of tries that will have ended when it is there; that of now when the last
  /// try is too young.
  std::uint64_t refresh();
  [[nodiscard]] std::uint64_t tries() const;
  /// Why the last try failed; empty: it did not.
  [[nodiscard]] std::string failure() const;

 private:
  void run(const std::stop_token& stop);
  void fetch_once(const std::stop_token& stop);

  HomeLink* link_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;  // of all below
  std::condition_variable_any wanted_;
  std::shared_ptr<const Entities> entities_;
  std::string failure_;
  std::uint64_t tries_ = 0;
  Nanos tried_at_ = 0;
  bool wants_ = true;
  bool busy_ = false;
  std::jthread worker_;
};

}  // namespace prot::brain
