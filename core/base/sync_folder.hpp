#pragma once

#include <filesystem>

namespace prot {

/// What was made, renamed or removed in it outlives a power cut. Throws Error.
void sync_folder(const std::filesystem::path& folder);

}  // namespace prot
