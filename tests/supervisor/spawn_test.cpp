// The real way from a request to a process, and what the kernel says when it does not work.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.hpp"
#include "posix_process_sys.hpp"
#include "sealed_file.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

struct Real {
  Real() {
    char name[] = "/tmp/prot-spawn-XXXXXX";
    folder = ::mkdtemp(name);
  }
  ~Real() { fs::remove_all(folder); }
  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;

  SpawnRequest shell(const std::string& script) const {
    SpawnRequest request;
    request.path = "/bin/sh";
    request.argv = {"sh", "-c", script};
    request.environment = {"PATH=/usr/bin:/bin"};
    return request;
  }
  ExitStatus finish(Spawned& spawned) {
    pollfd wait{spawned.pidfd.get(), POLLIN, 0};
    REQUIRE(::poll(&wait, 1, 10'000) == 1);
    ExitStatus status;
    REQUIRE(sys.has_ended(spawned.pid, status));
    sys.collect(spawned.pid);
    CHECK(sys.group_is_empty(spawned.pid));
    char buffer[4096];
    for (ssize_t n = 0; (n = sys.read(spawned.output.get(), buffer)) > 0;)
      output.append(buffer, static_cast<std::size_t>(n));
    return status;
  }
  std::string run(const SpawnRequest& request) {
    Spawned spawned = sys.spawn(request);
    output.clear();
    CHECK(finish(spawned).code == 0);
    return output;
  }
  int refusal(const SpawnRequest& request) {
    try {
      Spawned spawned = sys.spawn(request);
      finish(spawned);
    } catch (const Error& e) {
      output = e.what();
      return e.exit_code();
    }
    return 0;
  }

  PosixProcessSys sys;
  fs::path folder;
  std::string output;
};

TEST_CASE_FIXTURE(Real, "it has what was asked for: arguments, environment, folder, input, limits") {
  SpawnRequest request = shell("echo $0 $WORD; pwd; cat; ulimit -n; grep NoNewPrivs /proc/self/status");
  request.argv.emplace_back("zero");
  request.environment.emplace_back("WORD=word");
  request.folder = folder;
  request.input = "from its input\n";
  request.limits = {{RLIMIT_NOFILE, {77, 77}}};
  request.no_new_privs = true;
  CHECK(run(request) == "zero word\n" + folder.string() + "\nfrom its input\n77\nNoNewPrivs:\t1\n");
}

TEST_CASE_FIXTURE(Real, "a child reads a sealed file, and neither it nor anybody else writes it") {
  const UniqueFd file = make_sealed_file("prot-test", "KEY=value");
  const std::string own = "/proc/self/fd/" + std::to_string(file.get());
  CHECK_FALSE(std::ofstream(own, std::ios::app).write("x", 1).flush());
  CHECK(::ftruncate(file.get(), 0) != 0);
  SpawnRequest request = shell("cat /proc/self/fd/9; (echo no >/proc/self/fd/9) 2>/dev/null || echo sealed");
  request.files.emplace_back(file.get(), 9);
  CHECK(run(request) == "KEY=valuesealed\n");
}

TEST_CASE_FIXTURE(Real,
                  "it has the named descriptors and no other, leads a group, and no signal is blocked") {
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  const UniqueFd file(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  SpawnRequest request = shell(
      "for n in 0 1 2 3 4 5 6 7; do test -e /proc/$$/fd/$n && echo -n $n; done; echo; "
      "readlink /proc/$$/fd/5; cut -d' ' -f1,5 /proc/$$/stat; grep -E '^Sig(Blk|Ign)' /proc/self/status");
  request.files = {{file.get(), 5}};
  request.says_ready = true;
  Spawned spawned = sys.spawn(request);
  const std::string pid = std::to_string(spawned.pid);
  CHECK(finish(spawned).code == 0);
  CHECK(output ==
        "01235\n/dev/zero\n" + pid + " " + pid + "\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE_FIXTURE(Real, "what cannot be executed is known at once, with the reason, and leaks nothing") {
  SpawnRequest request = shell("");
  request.path = folder / "program";
  const std::size_t before = open_descriptors();
  SUBCASE("it is not there") {
    CHECK(refusal(request) == 2);
    CHECK(output.find("No such file") != std::string::npos);
  }
  SUBCASE("it may not be executed") {
    std::ofstream(request.path) << "#!/bin/sh\n";
    ::chmod(request.path.c_str(), 0600);
    CHECK(refusal(request) == 2);
    CHECK(output.find("Permission denied") != std::string::npos);
  }
  SUBCASE("it is being written: that passes") {
    fs::copy_file("/bin/true", request.path);
    const UniqueFd writer(::open(request.path.c_str(), O_WRONLY | O_CLOEXEC));
    CHECK(refusal(request) == 1);
    CHECK(output.find("Text file busy") != std::string::npos);
  }
  SUBCASE("its folder is not there") {
    request.path = "/bin/true";
    request.folder = folder / "none";
    CHECK(refusal(request) == 2);
  }
  CHECK(open_descriptors() == before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left, dead or alive
}

TEST_CASE_FIXTURE(Real,
                  "a process without descriptors left says so, at whichever it is short, and leaks none") {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const std::size_t used = open_descriptors();
  SpawnRequest request = shell("exit 0");
  request.says_ready = true;
  int refused = 0;
  for (rlim_t spare = 0; spare < 8; ++spare) {
    const rlimit tight{used + spare, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
    int code = 0;
    try {
      Spawned spawned = sys.spawn(request);
      ::setrlimit(RLIMIT_NOFILE, &before);
      finish(spawned);
    } catch (const Error& e) {
      code = e.exit_code();
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(code != 2);  // it passes
    refused += code;
    CHECK(open_descriptors() == used);
  }
  CHECK(refused >= 4);
}

TEST_CASE_FIXTURE(Real, "what a dead leader left of its group is killed before its number is free") {
  Spawned spawned = sys.spawn(shell("sleep 1000 & echo $!; exit 3"));
  pollfd wait{spawned.pidfd.get(), POLLIN, 0};
  REQUIRE(::poll(&wait, 1, 10'000) == 1);
  ExitStatus status;
  REQUIRE(sys.has_ended(spawned.pid, status));
  CHECK(status.code == 3);
  REQUIRE(sys.has_ended(spawned.pid, status));
  char child[32] = {};
  REQUIRE(sys.read(spawned.output.get(), std::span(child, sizeof child - 1)) > 0);
  CHECK(::getpgid(std::atoi(child)) == spawned.pid);
  sys.collect(spawned.pid);
  CHECK_FALSE(sys.has_ended(spawned.pid, status));
  const auto until = monotonic_now() + 10 * kSecond;
  while (!sys.group_is_empty(spawned.pid) && monotonic_now() < until) ::usleep(100);
  CHECK(sys.group_is_empty(spawned.pid));
}

TEST_CASE_FIXTURE(Real, "a number that somebody has again is no group of ours, and its dead are not taken") {
  Spawned other = sys.spawn(shell("exit 5"));  // as if it had come to the number of one of ours
  pollfd wait{other.pidfd.get(), POLLIN, 0};
  REQUIRE(::poll(&wait, 1, 10'000) == 1);
  CHECK(sys.group_is_empty(other.pid));
  CHECK(finish(other).code == 5);
}

TEST_CASE_FIXTURE(Real, "children are known by a line of their environment") {
  SpawnRequest request = shell("");
  request.path = "/bin/sleep";
  request.argv = {"sleep", "1000"};
  request.environment.emplace_back("MARK=this one");
  Spawned spawned = sys.spawn(request);
  // Its environment is shown a moment after it has executed.
  const auto until = monotonic_now() + 10 * kSecond;
  while (sys.children_with("MARK=this one", {}).empty() && monotonic_now() < until) ::usleep(100);
  CHECK(sys.children_with("MARK=this one", {}) == std::vector<pid_t>{spawned.pid});
  CHECK(sys.children_with("MARK=this", {}).empty());
  const pid_t known[] = {spawned.pid};
  CHECK(sys.children_with("MARK=this one", known).empty());
  const Scheduling scheduling = sys.scheduling(spawned.pid);
  CHECK(scheduling.state != '\0');
  CHECK_FALSE(scheduling.is_traced);
  sys.signal_group(spawned.pid, SIGKILL);
  CHECK(finish(spawned).code == -SIGKILL);
  CHECK(sys.scheduling(spawned.pid).state == '\0');
}

}  // namespace
}  // namespace prot::supervisor
