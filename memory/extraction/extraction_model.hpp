#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace prot::memory {

/// What failed at the model: kCancelled by us; kUnavailable: it cannot be reached or is too busy, which says
/// nothing about the job; kFailed: it answered, and not as asked.
class ModelError : public Error {
 public:
  enum class Kind { kCancelled, kUnavailable, kFailed };
  /// `retry_after`: how long the server asked to be left alone; 0: it did not say.
  ModelError(Kind kind, const std::string& what, Nanos retry_after = 0)
      : Error(what), kind_(kind), retry_after_(retry_after) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] Nanos retry_after() const noexcept { return retry_after_; }

 private:
  Kind kind_;
  Nanos retry_after_;
};

/// A language model that answers with JSON of a schema. Blocking; one thread (the model worker).
class ExtractionModel {
 public:
  virtual ~ExtractionModel() = default;
  /// The raw answer. Ends soon after `stop` is requested. Throws ModelError.
  virtual std::string ask(std::string_view instructions, std::string_view question, std::string_view schema,
                          std::stop_token stop) = 0;
  /// Tokens of the newest question and its answer, as its server counts them; 0: it does not say.
  [[nodiscard]] virtual std::uint64_t tokens() const noexcept { return 0; }
  /// How many exchanges it is asked about at once. A small model does one at a time better, and it reads the
  /// instructions only once anyway.
  [[nodiscard]] virtual int batch() const noexcept { return 1; }
};

}  // namespace prot::memory
