#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace prot::memory {

/// Why a service gave no vectors, ranks or facts.
///   kCancelled    by us
///   kUnavailable  not reached, too busy, or a limit of its rate: later. It says nothing about what was asked
///   kKey          the key is wrong, or may not do this
///   kQuota        money or plan
///   kTooLarge     this input is more than it takes
///   kFailed       it answered, and not as asked
class ServiceError : public Error {
 public:
  enum class Kind { kCancelled, kUnavailable, kKey, kQuota, kTooLarge, kFailed };
  ServiceError(Kind kind, const std::string& what, Nanos retry_after = 0)
      : Error(what), kind_(kind), retry_after_(retry_after) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// What the service asked to wait; 0: it did not say.
  [[nodiscard]] Nanos retry_after() const noexcept { return retry_after_; }

 private:
  Kind kind_;
  Nanos retry_after_;
};
[[nodiscard]] const char* to_string(ServiceError::Kind kind) noexcept;

}  // namespace prot::memory
