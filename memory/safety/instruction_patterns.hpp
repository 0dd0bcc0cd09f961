#pragma once

#include <span>
#include <string_view>

namespace prot::memory {

/// Rows of words (word_patterns.hpp) that tell an assistant what to do, in English and Korean, whoever says
/// it and wherever it stands.
[[nodiscard]] std::span<const std::string_view> instruction_patterns() noexcept;

}  // namespace prot::memory
