#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "ipc/ring_types.hpp"

/// Frames that are kept as files beyond the ring that they came from.
namespace prot::supervisor {

/// The record header as the producer wrote it, but for what only its own stage needs (source_sequence).
[[nodiscard]] ipc::RecordHeader header_of(const ipc::FrameInfo& info, std::size_t length) noexcept;

/// Puts `bytes` into `file`, mode 0600, forced to disk: whole, or not at all. Throws Error.
void write_durably(const std::filesystem::path& file, std::string_view bytes);

}  // namespace prot::supervisor
