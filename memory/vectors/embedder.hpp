#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace prot::memory {

/// Why a service gave no vectors or ranks.
///   kCancelled    by us
///   kUnavailable  not reached, too busy, or a limit of its rate: later
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

using Vector = std::vector<float>;

/// Makes the length 1. False: it has none (zero, not finite), and is as it was.
[[nodiscard]] bool normalize(Vector& vector) noexcept;

/// What is remembered, or what is asked: some models read them differently.
enum class TextKind { kDocument, kQuery };

struct Embedded {
  std::vector<Vector> vectors;        // by text, of length 1; empty: there is none
  std::vector<std::size_t> refused;   // texts that the model will never take
  std::optional<ServiceError> error;  // why others have none
};

/// A model that makes vectors of texts, near each other where the meanings are. Blocking, one thread.
/// Invariant: all vectors of one model_id() have the same number of dimensions.
class Embedder {
 public:
  virtual ~Embedder() = default;
  /// Model, size and what else decides on the values: vectors of different ids say nothing to each other.
  [[nodiscard]] virtual const std::string& model_id() const noexcept = 0;
  /// It takes microseconds and asks nobody.
  [[nodiscard]] virtual bool is_instant() const noexcept = 0;
  /// Those texts that could be done are done, whatever befell the others. Ends soon after `stop`.
  [[nodiscard]] virtual Embedded embed(std::span<const std::string> texts, TextKind kind,
                                       const std::stop_token& stop) = 0;
};

/// A model that reads a question beside each text. Blocking, one thread.
class Reranker {
 public:
  virtual ~Reranker() = default;
  /// By text, how well it answers. Ends soon after `stop`. Throws ServiceError.
  [[nodiscard]] virtual std::vector<double> rank(std::string_view query, std::span<const std::string> texts,
                                                 const std::stop_token& stop) = 0;
};

}  // namespace prot::memory
