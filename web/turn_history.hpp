#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace prot::web {

inline constexpr std::size_t kMostTurns = 16;

/// The last voice turns of turns.jsonl, oldest first, as a JSON array of what brain wrote; "[]": none, or no
/// file. A line that is being written, or is damaged, is left out.
[[nodiscard]] std::string turn_history(const std::filesystem::path& file, std::size_t most = kMostTurns);

}  // namespace prot::web
