#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "service_error.hpp"

namespace prot::memory {

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
