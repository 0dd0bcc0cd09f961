#pragma once

#include <utility>

namespace prot {

/// Runs a function when the scope ends, on every path.
template <typename F>
class [[nodiscard]] ScopeExit {
 public:
  explicit ScopeExit(F function) : function_(std::move(function)) {}
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;
  ~ScopeExit() { function_(); }

 private:
  F function_;
};

}  // namespace prot
