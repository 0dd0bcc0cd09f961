#pragma once

#include <csignal>

#include "base/unique_fd.hpp"

namespace prot::stage {

/// The supervisor queues this signal with a process number: that process (a debugger) and its children may
/// trace us; 0: nobody any more. Harmless where nobody listens: ignored by default.
inline constexpr int kTracerSignal = SIGURG;

/// Starts the one thread that serves the supervisor whatever the work loop is doing:
///   `fd` (a pipe, or the control connection of a joined stage) ends  -> the supervisor is dead: so are we
///   kTracerSignal from our parent  -> PR_SET_PTRACER, which a kernel with yama asks for (ptrace_scope 1)
/// It sleeps in poll all its life. Call once, before any other thread exists: it blocks the signal for all.
/// `fd` stays open until the process is gone: who let go of the control connection before that would be
/// killed while it ends, for its successor must not meet it. Throws Error.
void watch_lifeline(UniqueFd fd);

}  // namespace prot::stage
