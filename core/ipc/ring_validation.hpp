#pragma once

#include <cstddef>

#include "ipc/spsc_ring.hpp"

namespace prot::ipc {

/// Why a segment is refused; kOk when it is a valid ring of `size` bytes.
enum class [[nodiscard]] RingFault{kOk, kNotReady, kMagic, kVersion, kSize, kChecksum, kIndex};
RingFault validate_ring(const RingMemory& memory, std::size_t size) noexcept;
[[nodiscard]] const char* to_string(RingFault fault) noexcept;

}  // namespace prot::ipc
