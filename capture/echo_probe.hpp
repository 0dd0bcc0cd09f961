#pragma once

#include <string_view>

#include "stage/self_check.hpp"

namespace prot::capture {

/// What `prot doctor --echo` asks of prot-capture. "record": nine seconds of the configured microphone, as a
/// tape on stdout. "echo": two tapes on stdin, what was played and what was recorded; findings on stdout, one
/// JSON object a line, then the numbers. Returns the exit code. Throws UsageError for another name, Error.
[[nodiscard]] int probe_capture(const stage::CheckContext& context, std::string_view name);

}  // namespace prot::capture
