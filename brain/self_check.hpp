#pragma once

#include "stage/self_check.hpp"

namespace prot::brain {

/// For --check.
[[nodiscard]] stage::Findings check_brain(const stage::CheckContext& context);

}  // namespace prot::brain
