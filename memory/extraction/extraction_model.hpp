#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "service_error.hpp"

namespace prot::memory {

/// A language model that answers with JSON of a schema. Blocking; one thread (the model worker).
class ExtractionModel {
 public:
  virtual ~ExtractionModel() = default;
  /// The raw answer. Ends soon after `stop` is requested. Throws ServiceError: kCancelled, kUnavailable,
  /// kFailed.
  virtual std::string ask(std::string_view instructions, std::string_view question, std::string_view schema,
                          std::stop_token stop) = 0;
  /// Tokens of the newest question and its answer, as its server counts them; 0: it does not say.
  [[nodiscard]] virtual std::uint64_t tokens() const noexcept { return 0; }
  /// How many exchanges it is asked about at once. A small model does one at a time better, and it reads the
  /// instructions only once anyway.
  [[nodiscard]] virtual int batch() const noexcept { return 1; }
};

}  // namespace prot::memory
