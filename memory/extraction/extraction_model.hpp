#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace prot::memory {

/// What failed at the model: kCancelled by us; kUnavailable: it cannot be reached or is too busy, which says
/// nothing about the job; kFailed: it answered, and not as asked.
class ModelError : public Error {
 public:
  enum class Kind { kCancelled, kUnavailable, kFailed };
  ModelError(Kind kind, const std::string& what) : Error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// A language model that answers with JSON of a schema. Blocking; one thread (the model worker).
class ExtractionModel {
 public:
  virtual ~ExtractionModel() = default;
  /// The raw answer. Ends soon after `stop` is requested. Throws ModelError.
  virtual std::string ask(std::string_view instructions, std::string_view question, std::string_view schema,
                          std::stop_token stop) = 0;
  /// How many exchanges it is asked about at once. A small model does one at a time better, and it reads the
  /// instructions only once anyway.
  [[nodiscard]] virtual int batch() const noexcept { return 1; }
};

}  // namespace prot::memory
