#pragma once

#include <cstdint>
#include <optional>

namespace prot::web {

/// What a process holds of the kernel. Empty: it may not be looked at (another user's), or is gone.
struct ProcessHandles {
  std::optional<std::uint32_t> threads;
  std::optional<std::uint32_t> descriptors;
};
[[nodiscard]] ProcessHandles process_handles(std::uint32_t pid);

}  // namespace prot::web
