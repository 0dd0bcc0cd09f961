#pragma once

#include <string>

namespace prot::supervisor {

/// The build id in the ELF notes of a 64-bit program, in hexadecimal; empty when it has none or cannot be
/// read. The file is not trusted.
[[nodiscard]] std::string build_id_of(const std::string& file) noexcept;

}  // namespace prot::supervisor
