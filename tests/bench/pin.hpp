#pragma once

#include <sched.h>

#include <algorithm>
#include <thread>

namespace prot::bench {

/// The calling thread stays on one processor, if it may; numbers go round.
inline void pin(unsigned processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor % std::max(1U, std::thread::hardware_concurrency()), &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

}  // namespace prot::bench
