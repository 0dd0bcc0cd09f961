#pragma once

#include <csignal>

namespace prot::stage {

/// The supervisor queues this signal with a process number: that process (a debugger) and its children may
/// trace us; 0: nobody any more. Harmless where nobody listens: ignored by default.
inline constexpr int kTracerSignal = SIGURG;

/// Starts the one thread that serves the supervisor whatever the work loop is doing:
///   `fd` (a pipe, or the control connection of a joined stage) ends  -> the supervisor is dead: so are we
///   kTracerSignal from our parent  -> PR_SET_PTRACER, which a kernel with yama asks for (ptrace_scope 1)
/// It sleeps in poll all its life. Call once, before any other thread exists: it blocks the signal for all.
/// `fd` must stay open for ever. Throws Error.
void watch_lifeline(int fd);

}  // namespace prot::stage
