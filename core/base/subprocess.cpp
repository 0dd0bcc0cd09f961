#include "base/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

extern char** environ;

namespace prot {
namespace {
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw errno_error("cannot make a pipe");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Feeds input and collects output together, so that neither pipe can fill up and block the other.
void exchange(Pipe& in, Pipe& out, const std::string& input, std::size_t max_output, std::string& output) {
  std::size_t written = 0;
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.write.reset();
  std::array<char, 65536> buffer{};
  while (out.read) {
    std::array<pollfd, 2> fds{pollfd{out.read.get(), POLLIN, 0}, pollfd{in.write.get(), POLLOUT, 0}};
    if (::poll(fds.data(), in.write ? 2 : 1, -1) < 0 && errno != EINTR) throw errno_error("poll");
    if (in.write && fds[1].revents != 0) {
      const ssize_t n = ::write(in.write.get(), input.data() + written, input.size() - written);
      if (n > 0) written += static_cast<std::size_t>(n);
      if ((n < 0 && errno != EAGAIN && errno != EINTR) || written == input.size()) in.write.reset();
    }
    if (fds[0].revents != 0) {
      const ssize_t n = ::read(out.read.get(), buffer.data(), buffer.size());
      if (n > 0 && output.size() < max_output) output.append(buffer.data(), static_cast<std::size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) out.read.reset();
    }
  }
}
}  // namespace

SubprocessResult run_subprocess(const std::vector<std::string>& argv, const std::string& input,
                                std::size_t max_output) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& a : argv)
    arguments.push_back(const_cast<char*>(a.c_str()));  // NOLINT: exec's signature
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw errno_error("cannot start " + argv[0], error);
  in.read.reset();
  out.write.reset();

  SubprocessResult result;
  exchange(in, out, input, max_output, result.output);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace prot
