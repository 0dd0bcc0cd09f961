#pragma once

#include "language_model.hpp"

namespace prot::brain {

/// How fast the model reads a prompt, by its own figures: of the tokens that it read last, some kWindow of
/// them. A server of which nothing is known has no rate. One thread.
class ReadingRate {
 public:
  void learn(const Usage& usage) noexcept;
  /// Tokens that are read in `time`, one at least; 0: not known.
  [[nodiscard]] std::uint32_t tokens_in(Nanos time) const noexcept;

 private:
  static constexpr std::uint32_t kLeast = 8;  // fewer say more about the server's overhead
  static constexpr double kWindow = 128;

  double tokens_ = 0;
  double ns_ = 0;
};

}  // namespace prot::brain
