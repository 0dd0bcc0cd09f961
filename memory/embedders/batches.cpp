#include "embedders/batches.hpp"

#include <algorithm>

#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

/// As many as a tokenizer will hardly make of it: digits and marks are often tokens of their own.
std::size_t tokens_of(std::string_view text) noexcept {
  const auto odd = std::count_if(text.begin(), text.end(), [](unsigned char c) {
    return c < 0x80 && (c < 'A' || (c > 'Z' && c < 'a') || c > 'z') && c != ' ';
  });
  return text::estimate_tokens(text) + static_cast<std::size_t>(odd) + 2;
}

}  // namespace

std::vector<Batch> split_batches(std::span<const std::string> texts, const BatchLimits& limits) {
  std::vector<Batch> batches;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::size_t own = tokens_of(texts[i]);
    if (batches.empty() || batches.back().size() == limits.texts || tokens + own > limits.tokens / 2) {
      batches.push_back({i, i});
      tokens = 0;
    }
    tokens += own;
    batches.back().end = i + 1;
  }
  return batches;
}

std::string cut_to_tokens(std::string_view text, std::size_t tokens) {
  std::string cut = text::sanitize_utf8(text);
  for (std::size_t own = tokens_of(cut); own > tokens; own = tokens_of(cut))
    cut.resize(text::truncate_utf8(cut, cut.size() * tokens / own).size());
  return cut;
}

}  // namespace prot::memory
