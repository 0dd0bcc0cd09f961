#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace prot::supervisor {

/// `content` in memory, as a file that nobody can change any more: for a child that inherits the descriptor.
/// `name` is what /proc shows. Throws Error.
[[nodiscard]] UniqueFd make_sealed_file(const std::string& name, std::string_view content);

}  // namespace prot::supervisor
