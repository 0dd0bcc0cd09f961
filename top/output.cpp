#include "output.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/error.hpp"

namespace prot::top {

Output::Output() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // seen as EPIPE
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!signals_) throw errno_error("cannot watch signals");
}

bool Output::failed() {
  if (errno == EPIPE) return false;
  throw errno_error("cannot write");
}

bool Output::print(std::string_view line) {
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fputc('\n', stdout) == EOF)
    return failed();
  return true;
}

bool Output::flush() { return std::fflush(stdout) == 0 || failed(); }

bool Output::wait_until(Nanos deadline) const {
  pollfd input{signals_.get(), POLLIN, 0};
  const Nanos left = std::max<Nanos>(deadline - monotonic_now(), 0);
  const timespec wait{left / kSecond, left % kSecond};
  return ::ppoll(&input, 1, &wait, nullptr) <= 0;
}

}  // namespace prot::top
