#pragma once

#include <span>
#include <string>
#include <vector>

#include "recall/memory_records.hpp"

namespace prot::memory {

/// What a recogniser hears better when it expects it: people, places and groups of the facts that hold, and
/// what else the user writes with a capital; spelled as their entities are. Those that most is known of come
/// first, then the newest; at most wire::kMostNames, each of at most wire::kLongestName characters. `facts`:
/// those that hold; of what waits for a person, or is forgotten, nothing comes in.
[[nodiscard]] std::vector<std::string> names_of(std::span<const Fact> facts,
                                                std::span<const KnownEntity> entities);

}  // namespace prot::memory
