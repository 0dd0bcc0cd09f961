#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace prot {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

/// Both ends are closed on exec; `flags`: O_NONBLOCK for both, or 0. Throws Error.
[[nodiscard]] inline Pipe make_pipe(int flags = 0) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | flags) != 0) throw errno_error("cannot make a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace prot
