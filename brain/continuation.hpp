#pragma once

#include <string>
#include <string_view>

#include "language_model.hpp"

namespace prot::brain {

/// The request whose answer goes on behind `said`. A server of our own is given the beginning of its own
/// answer; that of somebody else cannot, and is asked.
[[nodiscard]] Request going_on(Request request, const std::string& said, bool local);

/// Joins what a model says that was asked to go on to what had been said when the answer broke off. It likes
/// to begin its last sentence anew, or the whole answer: what it repeats from any word of `said` on is
/// dropped. Holds back only what may still be such a repetition. One thread.
class Continuation {
 public:
  /// `said` ends with a whole word.
  explicit Continuation(std::string said);

  /// What may be passed on now.
  [[nodiscard]] std::string push(std::string_view text);
  /// The end: what was held back, unless it was nothing but repetition.
  [[nodiscard]] std::string finish();

 private:
  /// Bytes of held_ that repeat the end of said_; `open`: it may become more, or none.
  [[nodiscard]] std::size_t repeated(bool& open) const;
  [[nodiscard]] std::string release(std::size_t repeated);

  std::string said_;
  std::string held_;
  bool decided_ = false;
};

}  // namespace prot::brain
