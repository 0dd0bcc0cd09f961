#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace prot::memory {

/// Where an instance keeps files in which something that was said may stand.
struct ScrubFolders {
  std::filesystem::path state;    // said/, log/, conversations/, dead-letters/, crashes/, spool/
  std::filesystem::path runtime;  // brain.* (its journals)
};

/// Overwrites the texts with '*' wherever these files hold them, as they are or as JSON writes them. In
/// place: who appends to a file meanwhile loses nothing, and a line of JSON stays one. In capitals or
/// not. A short text counts only where it stands alone (mentions.hpp). Spools that are still to be replayed
/// are SpoolWriter's. Returns bytes. Throws Error, behind the last file, when one cannot be written:
/// something that was said is then still there.
std::uint64_t scrub_texts(const ScrubFolders& folders, std::span<const std::string> texts);

/// Everything that was said, in all of these files: they are emptied.
void scrub_everything(const ScrubFolders& folders);

}  // namespace prot::memory
