#pragma once

#include <string>

#include "memory_link.hpp"

namespace prot::supervisor {

/// Writes everything to `file` ("" or "-": standard output), one JSON object a line; a file is there whole or
/// not at all, and for its owner only. Returns the exit code. Throws Error.
int export_memory(MemoryLink& link, const std::string& file);
/// Reads such a file; "": the original's tables instead. Throws Error, with the line that is wrong.
int import_memory(MemoryLink& link, const std::string& file, bool json);

}  // namespace prot::supervisor
