#pragma once

namespace prot::ipc {

/// A little while for whoever waits without sleeping, `times` over: some ten nanoseconds each. RT safe.
inline void pause(unsigned times = 1) noexcept {
#if defined(__x86_64__)
  for (; times > 0; --times) __builtin_ia32_pause();
#else
  for (volatile unsigned i = 0; i < times; i = i + 1) {
  }
#endif
}

/// Pauses before the last look that a busy stage takes before it sleeps: a peer in full flow brings the next
/// frame within them, and both are spared the wake.
inline constexpr unsigned kLastLookPauses = 64;

}  // namespace prot::ipc
