#pragma once

#include <string>
#include <vector>

namespace prot {

/// What a short-lived helper program said.
struct SubprocessResult {
  int exit_code = -1;  // 128 + signal when it was killed
  std::string output;  // stdout
};

/// Runs argv[0] (searched in PATH) with `input` on stdin, waits for it, returns its stdout. stderr is
/// discarded. Blocking: for worker threads and set-up only. At most `max_output` bytes are kept. Throws Error
/// when the program cannot be started.
[[nodiscard]] SubprocessResult run_subprocess(const std::vector<std::string>& argv,
                                              const std::string& input = {},
                                              std::size_t max_output = 64U << 20U);

}  // namespace prot
