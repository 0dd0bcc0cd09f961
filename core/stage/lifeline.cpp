#include "stage/lifeline.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::stage {
namespace {

void admit_tracer(int signals) {
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_code != SI_QUEUE || info.ssi_pid != static_cast<std::uint32_t>(::getppid())) continue;
    const auto tracer = static_cast<unsigned long>(info.ssi_int > 0 ? info.ssi_int : 0);
    // EINVAL: this kernel has no yama, whoever may signal us may trace us.
    if (::prctl(PR_SET_PTRACER, tracer, 0, 0, 0) != 0 && errno != EINVAL)
      log_warn("cannot let process {} trace this one: {}", tracer, std::strerror(errno));
    else if (tracer != 0)
      log_info("process {} may trace this one", tracer);
  }
}

void serve(int lifeline, int signals) {
  std::array<pollfd, 2> fds{{{lifeline, 0, 0}, {signals, POLLIN, 0}}};
  for (;;) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if ((fds[0].revents & (POLLHUP | POLLERR)) != 0) ::_exit(70);
    if ((fds[1].revents & POLLIN) != 0) admit_tracer(signals);
  }
}

}  // namespace

void watch_lifeline(UniqueFd fd) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, kTracerSignal);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw errno_error("cannot block a signal");
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) throw errno_error("cannot make a signalfd");
  std::thread(serve, fd.release(), signals).detach();
}

}  // namespace prot::stage
