#pragma once

#include "options.hpp"

namespace prot::top {

/// Tables or JSON objects, one after the other, on stdout. Returns the exit code; throws Error.
int run_batch(const Options& options);
/// The frames of one ring as they pass (--tail).
int run_tail(const Options& options);

}  // namespace prot::top
