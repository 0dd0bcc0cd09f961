#pragma once

#include <algorithm>
#include <cstdint>

#include "json/json.hpp"

namespace prot::brain {

/// A number of tokens as a service tells it; what no number of tokens can be is the nearest that can.
[[nodiscard]] inline std::uint32_t token_count(json::View value) noexcept {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value.as_int(), 0, UINT32_MAX));
}

}  // namespace prot::brain
