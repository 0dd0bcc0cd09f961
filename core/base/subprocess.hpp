#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"

namespace prot {

/// What a short-lived helper program said.
struct SubprocessResult {
  int exit_code = -1;      // 128 + signal when it was killed
  std::string output;      // stdout
  bool timed_out = false;  // it was killed because it took too long
};

/// How much a helper program may take and see.
struct SubprocessLimits {
  std::size_t max_output = 64U << 20U;  // bytes that are kept
  Nanos within = 0;                     // then it and its process group are killed; 0: it is waited for
  std::vector<std::string> unset = {};  // names of the environment that it does not get
};

/// Runs argv[0] (searched in PATH) with `input` on stdin, waits for it, returns its stdout. stderr is
/// discarded. Blocking: for worker threads and set-up only. After `within`, what still holds stdout (a
/// process with a session of its own) is not waited for either. Throws Error when the program cannot be
/// started.
[[nodiscard]] SubprocessResult run_subprocess(const std::vector<std::string>& argv,
                                              const std::string& input = {},
                                              const SubprocessLimits& limits = {});

}  // namespace prot
