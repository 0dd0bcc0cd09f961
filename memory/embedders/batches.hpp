#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace prot::memory {

/// A run of texts that go in one request.
struct Batch {
  std::size_t begin;
  std::size_t end;
  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

/// What a service takes. Its tokens are not ours: ours are counted rather too many, and half of what it
/// allows is used.
struct BatchLimits {
  std::size_t texts = 128;
  std::size_t tokens = 100'000;  // of all texts
  std::size_t text_tokens = 8'000;
};

/// In order, each within the limits; a text that is too long by itself stands alone.
[[nodiscard]] std::vector<Batch> split_batches(std::span<const std::string> texts, const BatchLimits& limits);

/// The beginning of a text that the service will take, as UTF-8.
[[nodiscard]] std::string cut_to_tokens(std::string_view text, std::size_t tokens);

}  // namespace prot::memory
