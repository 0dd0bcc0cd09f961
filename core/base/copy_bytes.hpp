#pragma once

#include <cstddef>
#include <cstring>

namespace prot {

/// memcpy that may be given nothing: the data() of an empty vector or view can be null, which memcpy must
/// never be given, not even for no bytes. RT safe.
inline void copy_bytes(void* to, const void* from, std::size_t bytes) noexcept {
  if (bytes != 0) std::memcpy(to, from, bytes);
}

}  // namespace prot
