#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "ipc/channel.hpp"

extern char** environ;

namespace prot::test {

inline constexpr const char* kRun = "run1";

/// One stage's process; dies with the object.
class Process {
 public:
  Process(const std::string& stage, const std::string& program, const std::string& instance,
          std::uint32_t generation, const std::string& settings,
          const std::map<std::string, ipc::Doorbell>& bells) {
    int ready[2];
    int lifeline[2];
    if (::pipe2(ready, O_CLOEXEC) != 0 || ::pipe2(lifeline, O_CLOEXEC) != 0) throw errno_error("pipe");
    ready_.reset(ready[0]);
    lifeline_.reset(lifeline[1]);
    const UniqueFd ready_child(ready[1]);
    const UniqueFd lifeline_child(lifeline[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // High numbers, so that no descriptor lands on one that is still to be copied.
    int next = 200;
    const auto give = [&](int fd) {
      posix_spawn_file_actions_adddup2(&actions, fd, next);
      return std::to_string(next++);
    };
    std::vector<std::string> environment;
    for (char** one = environ; *one != nullptr; ++one)
      if (!std::string_view(*one).starts_with("PROT_")) environment.emplace_back(*one);
    environment.push_back("PROT_INSTANCE=" + instance);
    environment.push_back(std::string("PROT_RUN=") + kRun);
    environment.push_back("PROT_GENERATION=" + std::to_string(generation));
    environment.push_back("PROT_READY_FD=" + give(ready_child.get()));
    environment.push_back("PROT_LIFELINE_FD=" + give(lifeline_child.get()));
    std::string list;
    for (const auto& [name, bell] : bells) list += (list.empty() ? "" : ",") + name + "=" + give(bell.fd());
    environment.push_back("PROT_BELLS=" + list);
    environment.push_back("PROT_CONFIG=");
    environment.push_back("PROT_SET=" + settings);
    std::vector<char*> envp;
    for (std::string& one : environment) envp.push_back(one.data());
    envp.push_back(nullptr);
    std::string argv0 = program;
    char* argv[] = {argv0.data(), nullptr};
    const Nanos begin = monotonic_now();
    const int error = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw errno_error("cannot start " + program, error);
    pollfd wait{ready_.get(), POLLIN, 0};
    char line[16] = {};
    if (::poll(&wait, 1, 20'000) != 1 || ::read(ready_.get(), line, sizeof line) <= 0)
      throw Error(stage + " does not get ready");
    start_ms = (monotonic_now() - begin) / kMillisecond;
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { end(SIGKILL); }

  /// The exit code, or -signal.
  int end(int signal) {
    if (pid_ <= 0) return 0;
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  Nanos start_ms = 0;

 private:
  pid_t pid_ = -1;
  UniqueFd ready_;
  UniqueFd lifeline_;
};

}  // namespace prot::test
