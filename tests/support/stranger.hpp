#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "stage/control.hpp"

namespace prot::test {

inline constexpr unsigned kStranger = 65534;  // nobody

/// A process of another user that listens on a socket. For root alone: nobody else may become somebody.
class Stranger {
 public:
  explicit Stranger(const std::string& path) {
    Pipe ready = make_pipe();
    pid_ = ::fork();
    if (pid_ < 0) throw errno_error("cannot fork");
    if (pid_ == 0) listen(path, ready.write.get());
    ready.write.reset();
    char byte = 0;
    if (::read(ready.read.get(), &byte, 1) != 1) throw Error("the stranger does not listen on " + path);
  }
  ~Stranger() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

 private:
  [[noreturn]] static void listen(const std::string& path, int ready) {
    try {
      if (::setgid(kStranger) != 0 || ::setuid(kStranger) != 0) ::_exit(1);
      const UniqueFd socket = stage::listen_unix(path);
      if (::write(ready, "r", 1) == 1)
        for (;;) ::pause();
    } catch (const Error&) {
      ::_exit(2);  // whoever waits hears that nobody listens
    }
    ::_exit(1);
  }

  pid_t pid_ = -1;
};

}  // namespace prot::test
