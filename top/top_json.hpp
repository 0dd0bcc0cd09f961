#pragma once

#include <string>

#include "observed.hpp"

namespace prot::top {

inline constexpr int kJsonSchema = 1;

/// One JSON object on one line; every field is defined in prot-top(1).
[[nodiscard]] std::string to_json(const Snapshot& snapshot);

}  // namespace prot::top
