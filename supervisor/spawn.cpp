// The way from a request to a running process.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.hpp"
#include "base/exec.hpp"
#include "base/pipe.hpp"
#include "posix_process_sys.hpp"

namespace prot::supervisor {
namespace {

constexpr int kOutputPipe = 256 * 1024;
constexpr std::size_t kChildStack = 64 * 1024;

/// What the child needs and where it says why it failed. The child shares our memory and we stand still until
/// it has executed or ended: it must not allocate, and nothing of ours changes meanwhile.
struct Prepared {
  const SpawnRequest* request;
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::vector<std::pair<int, int>> files;
  pid_t parent;
  int error = 0;
  const char* failed_step = "";
};

[[noreturn]] void child_fail(Prepared& p, const char* step) noexcept {
  p.error = errno;
  p.failed_step = step;
  ::_exit(127);
}

void child_files(Prepared& p) noexcept {
  int last = 2;
  for (const auto& [from, to] : p.files) last = std::max(last, to);
  for (auto& [from, to] : p.files) {  // parked above while the low numbers are filled
    from = ::fcntl(from, F_DUPFD_CLOEXEC, last + 1);
    if (from < 0) child_fail(p, "descriptor");
  }
  for (const auto& [from, to] : p.files)
    if (::dup2(from, to) < 0) child_fail(p, "descriptor");
  ::syscall(SYS_close_range, static_cast<unsigned>(last) + 1U, ~0U, 0U);
}

// By system call: the library's functions would tell "all threads", which are the supervisor's.
void child_user(Prepared& p) noexcept {
  const SpawnRequest& request = *p.request;
  const gid_t group = request.group;
  if (::syscall(SYS_setgroups, 1, &group) != 0 || ::syscall(SYS_setresgid, group, group, group) != 0 ||
      ::syscall(SYS_setresuid, request.user, request.user, request.user) != 0)
    child_fail(p, "cannot change the user");
}

int child_main(void* argument) noexcept {
  Prepared& p = *static_cast<Prepared*>(argument);
  const SpawnRequest& request = *p.request;
  if (::setpgid(0, 0) != 0) child_fail(p, "process group");
  child_files(p);
  for (const auto& [resource, limit] : request.limits)
    ::syscall(SYS_prlimit64, 0, resource, &limit, nullptr);  // best effort; the stage reports what it got
  if (request.nice != 0) (void)::setpriority(PRIO_PROCESS, 0, request.nice);
  if (request.change_user) child_user(p);
  if (request.no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) child_fail(p, "no_new_privs");
  // After the user: a change of user clears it. Then the check: the parent may be dead already.
  if (::prctl(PR_SET_PDEATHSIG, request.parent_death_signal) != 0) child_fail(p, "death signal");
  if (::getppid() != p.parent) ::_exit(126);
  if (!request.folder.empty() && ::chdir(request.folder.c_str()) != 0) child_fail(p, request.folder.c_str());
  default_signals();
  ::execve(request.path.c_str(), p.argv.data(), p.environment.data());
  child_fail(p, request.path.c_str());
}

void* child_stack() {
  static void* const stack =
      ::mmap(nullptr, kChildStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) throw errno_error("cannot make a stack");
  return static_cast<char*>(stack) + kChildStack;
}

// A file that is being written, a full table: these pass.
bool may_pass(int error) noexcept {
  constexpr std::array kPassing = {EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY, EINTR, EIO};
  return std::find(kPassing.begin(), kPassing.end(), error) != kPassing.end();
}

/// As vfork: nothing is copied, however big the supervisor is. No signal of ours runs a handler on the shared
/// memory.
pid_t start_child(Prepared& prepared, UniqueFd& pidfd) {
  void* const stack = child_stack();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int fd = -1;
  const pid_t pid =
      ::clone(child_main, stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &prepared, &fd);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw errno_error("cannot start a process for " + prepared.request->path, error);
  pidfd.reset(fd);
  return pid;
}

}  // namespace

Spawned PosixProcessSys::spawn(const SpawnRequest& request) {
  Pipe output = make_pipe(O_NONBLOCK);
  (void)::fcntl(output.write.get(), F_SETPIPE_SZ, kOutputPipe);  // more room is better, less will do
  Pipe ready;
  Pipe input;
  if (request.says_ready) ready = make_pipe(O_NONBLOCK);
  if (request.input.empty()) {
    input.read.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!input.read) throw errno_error("cannot open /dev/null");
  } else {
    input = make_pipe();
    if (::write(input.write.get(), request.input.data(), request.input.size()) < 0)
      throw errno_error("cannot write to a pipe");
    input.write.reset();
  }
  Prepared prepared{&request, exec_list(request.argv), exec_list(request.environment), request.files,
                    ::getpid()};
  prepared.files.insert(prepared.files.begin(),
                        {{input.read.get(), 0}, {output.write.get(), 1}, {output.write.get(), 2}});
  if (request.says_ready) prepared.files.emplace_back(ready.write.get(), kReadyFd);

  Spawned spawned;
  spawned.pid = start_child(prepared, spawned.pidfd);
  if (prepared.error != 0) {
    while (::waitpid(spawned.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw Error(std::string(prepared.failed_step) + ": " + std::strerror(prepared.error),
                may_pass(prepared.error) ? 1 : 2);
  }
  spawned.output = std::move(output.read);
  spawned.ready = std::move(ready.read);
  return spawned;
}

}  // namespace prot::supervisor
