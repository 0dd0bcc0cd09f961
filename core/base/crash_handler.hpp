#pragma once

namespace prot {

/// Makes a crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) write to stderr where it happened, one line a
/// frame, before the process ends as it would have ended without: same signal, same core.
///
///   crash: SIGSEGV (code 1) at 0x10, thread 4711
///   crash: #0 /usr/lib/x86_64-linux-gnu/libc.so.6+0x3c050
///
/// The numbers are offsets in the module's file, for addr2line. The handler runs on a stack of its own (that
/// of the thread which calls this; other threads have no such stack) and calls nothing that is not
/// async-signal-safe: backtrace() is made ready here. With a sanitizer, which has a better one, it does
/// nothing. Call once, from main.
void install_crash_handler() noexcept;

/// What the lines begin with.
inline constexpr const char* kCrashMark = "crash: ";

}  // namespace prot
