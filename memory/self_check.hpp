#pragma once

#include "stage/self_check.hpp"

namespace prot::memory {

/// For --check.
[[nodiscard]] stage::Findings check_memory(const stage::CheckContext& context);

}  // namespace prot::memory
