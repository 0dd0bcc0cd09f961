#pragma once

#include <cstdint>
#include <string>

#include "language_model.hpp"

namespace prot::brain {

/// Keeps the server's cache warm while nobody waits for it. At most one prefill is under way; a newer wish
/// replaces one that has not started. Before a real request, give_way(): a prefill goes on only when the real
/// request begins with it. Off for servers that cost money. One thread.
class Prefill {
 public:
  explicit Prefill(LanguageModel& model) : model_(&model) {}

  /// Nothing is done when the cache is known to hold it already.
  void want(Request request, Nanos now);
  void give_way(const Request& real);
  /// A real request of the voice lane has been answered: the cache holds it now.
  void computed(const Request& real);
  /// True: the event was a prefill's.
  bool on_event(const ModelEvent& event, Nanos now);
  /// Stops what is under way (a real request will be a surprise, or drain).
  void stop();
  [[nodiscard]] bool running() const noexcept { return id_ != 0; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  void start(const Request& request, std::string key, Nanos now);

  LanguageModel* model_;
  RequestId id_ = 0;
  std::string running_key_;
  std::string warm_key_;
  bool has_next_ = false;
  Request next_;
  std::uint64_t count_ = 0;
};

}  // namespace prot::brain
