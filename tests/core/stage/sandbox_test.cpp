// What a process cannot do any more once it has given up its rights. Each case tries in a child of its own.
#include "stage/sandbox.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <netdb.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace prot::stage {
namespace {
namespace fs = std::filesystem;

/// Runs `what` in a child; its result, 0 for success, comes back.
int in_child(const std::function<int()>& what) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(what());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// 0, or the errno of a call that returned -1.
int outcome(long result) { return result < 0 ? errno : 0; }

int write_to(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int result = outcome(fd);
  if (fd >= 0) ::close(fd);
  return result;
}

struct Folders {
  Folders() {
    char name[] = "/tmp/prot-sandbox-XXXXXX";
    base = ::mkdtemp(name);
    fs::create_directory(base / "own");
    fs::create_directory(base / "other");
    std::ofstream(base / "other" / "there") << "text";
  }
  ~Folders() { fs::remove_all(base); }
  Folders(const Folders&) = delete;
  Folders& operator=(const Folders&) = delete;
  fs::path base;
};

bool has(const std::string& report, const std::string& word) {
  return report.find(word) != std::string::npos;
}

TEST_CASE_FIXTURE(Folders, "it writes in its own folders only, and reads everywhere") {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1) {
    MESSAGE("this kernel has no Landlock");
    return;
  }
  const auto restricted = [this](const std::function<int()>& call) {
    return in_child([&] {
      return has(apply_sandbox({true, {base / "own", base / "not there"}}), "landlock=") ? call() : 200;
    });
  };
  CHECK(restricted([this] { return write_to(base / "own" / "new"); }) == 0);
  CHECK(restricted([this] { return outcome(::mkdir((base / "own" / "folder").c_str(), 0700)); }) == 0);
  CHECK(restricted([this] { return write_to(base / "other" / "new"); }) == EACCES);
  CHECK(restricted([this] { return write_to(base / "other" / "there"); }) == EACCES);
  CHECK(restricted([this] { return outcome(::unlink((base / "other" / "there").c_str())); }) == EACCES);
  CHECK(restricted([this] { return outcome(::open((base / "other" / "there").c_str(), O_RDONLY)); }) == 0);
}

TEST_CASE("a stage writes in its instance's folders, to devices and what is temporary, no more") {
  const auto policy = [](const char* stage, const std::vector<std::string>& overrides = {}) {
    StageEnvironment environment;
    environment.stage = stage;
    environment.config = Config::load("", overrides);
    environment.paths.state = "/s";
    environment.paths.runtime = "/r";
    return sandbox_policy(environment);
  };
  const char* const set = std::getenv("TMPDIR");
  const std::string temporary = set != nullptr && *set != '\0' ? set : "/tmp";
  const std::vector<std::string> usual = {"/r", "/dev", temporary, "/proc/self/"};
  const std::map<std::string, std::vector<std::string>> more = {
      {"stt", {}},
      {"brain", {"/s/said", "/s/spool"}},
      {"tts", {}},
      {"memory", {"/s/said", "/s/spool", "/s/conversations", "/s/log", "/s/dead-letters", "/s/crashes"}},
      {"web", {}}};
  for (const auto& [name, folders] : more) {
    const std::string stage = name;  // clang captures no structured binding
    CAPTURE(stage);
    std::vector<std::string> wanted = usual;
    wanted.insert(wanted.end(), folders.begin(), folders.end());
    CHECK(policy(stage.c_str()).writable == wanted);  // not where the database's cluster is: "/s/db"
    CHECK(policy(stage.c_str()).network);
  }
  const auto sound = policy("player", {"player.sink=wav", "player.device=/out/heard.wav"});
  CHECK_FALSE(sound.network);
  CHECK(sound.writable.back() == "/out");
  CHECK(sound.writable.size() == 7);  // and the sound server's two
  CHECK(policy("capture").writable.size() == 6);
}

TEST_CASE_FIXTURE(Folders, "no stage writes in the database's cluster, which lies beside its own folders") {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1) {
    MESSAGE("this kernel has no Landlock");
    return;
  }
  const fs::path state = base / "state";
  for (const char* folder : {"db", "said", "spool"}) fs::create_directories(state / folder);
  std::ofstream(state / "db" / "postgresql.auto.conf") << "text";
  for (const char* stage : {"capture", "stt", "brain", "tts", "player", "memory", "web"}) {
    CAPTURE(stage);
    const auto restricted = [&](const std::function<int()>& call) {
      return in_child([&] {
        ::setenv("TMPDIR", (base / "own").c_str(), 1);  // else all of this would be temporary
        StageEnvironment environment;
        environment.stage = stage;
        environment.config = Config::load("", {});
        environment.paths.state = state;
        environment.paths.runtime = base / "own";
        return has(apply_sandbox(sandbox_policy(environment)), "landlock=") ? call() : 200;
      });
    };
    CHECK(restricted([&] { return write_to(state / "db" / "postgresql.auto.conf"); }) == EACCES);
    CHECK(restricted([&] { return write_to(state / "db" / "new"); }) == EACCES);
    const fs::path aside = state / "said" / "db";
    CHECK(restricted([&] { return outcome(::rename((state / "db").c_str(), aside.c_str())); }) == EACCES);
    const bool writes = std::string_view(stage) == "brain" || std::string_view(stage) == "memory";
    CHECK(restricted([&] { return write_to(state / "said" / stage); }) == (writes ? 0 : EACCES));
  }
}

TEST_CASE("dangerous calls are refused, the others are not") {
  const auto filtered = [](const std::function<int()>& call) {
    return in_child([&] { return has(apply_sandbox({}), "seccomp=on") ? call() : 200; });
  };
  CHECK(filtered([] { return outcome(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }) == EPERM);
  CHECK(filtered([] { return outcome(::mount("none", "/", "tmpfs", 0, nullptr)); }) == EPERM);
  CHECK(filtered([] { return outcome(::syscall(SYS_bpf, 0, nullptr, 0)); }) == EPERM);
  CHECK(filtered([] { return outcome(::syscall(SYS_keyctl, 0, 0)); }) == EPERM);
  CHECK(filtered([] { return outcome(::socket(AF_PACKET, SOCK_RAW, 0)); }) == EAFNOSUPPORT);
  for (const int family : {AF_INET, AF_INET6, AF_UNIX})
    CHECK(filtered([family] { return outcome(::socket(family, SOCK_STREAM, 0)); }) == 0);
  CHECK(filtered([] { return outcome(::socket(AF_NETLINK, SOCK_RAW, 0)); }) == 0);
  CHECK(filtered([] { return outcome(::fork() == 0 ? (::_exit(0), 0) : ::wait(nullptr)); }) == 0);
  CHECK(filtered([] {
          std::thread([] {}).join();
          return 0;
        }) == 0);
  CHECK(filtered([] {
          addrinfo* found = nullptr;  // asks netlink for the machine's own addresses
          const int failed = ::getaddrinfo("localhost", "80", nullptr, &found);
          if (failed == 0) ::freeaddrinfo(found);
          return failed;
        }) == 0);
}

TEST_CASE("sockets are of the families that a stage needs, and of no other that leads elsewhere") {
  constexpr int kFamilies = 64;
  for (const bool network : {false, true}) {
    SandboxPolicy policy;
    policy.network = network;
    CHECK(in_child([&] {
            if (!has(apply_sandbox(policy), network ? "seccomp=on" : "seccomp=no-network")) return 200;
            for (int family = 0; family < kFamilies; ++family) {
              const bool needed =
                  family == AF_UNIX ||
                  (network && (family == AF_INET || family == AF_INET6 || family == AF_NETLINK));
              if (needed) continue;
              for (const int kind : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET})
                if (::socket(family, kind, 0) >= 0 || errno != EAFNOSUPPORT) return 1 + family;
              int pair[2];
              if (::socketpair(family, SOCK_STREAM, 0, pair) == 0 || errno != EAFNOSUPPORT) return 1 + family;
            }
            int pair[2];
            return outcome(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
          }) == 0);
  }
}

TEST_CASE("no namespace of its own makes a stage root in it") {
  const auto filtered = [](const std::function<int()>& call) {
    return in_child([&] { return has(apply_sandbox({}), "seccomp=on") ? call() : 200; });
  };
  for (const unsigned long flag : {CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID}) {
    CAPTURE(flag);
    CHECK(filtered([flag] { return outcome(::unshare(static_cast<int>(flag))); }) == EPERM);
    CHECK(filtered([flag] {
            const long pid = ::syscall(SYS_clone, flag | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
            if (pid == 0) ::_exit(0);
            return outcome(pid);
          }) == EPERM);
  }
  CHECK(filtered([] {
          clone_args arguments{};
          arguments.flags = CLONE_NEWUSER;
          arguments.exit_signal = SIGCHLD;
          const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
          if (pid == 0) ::_exit(0);
          return outcome(pid);
        }) == ENOSYS);
}

TEST_CASE("without a network there is no internet socket, also for what it starts") {
  SandboxPolicy policy;
  policy.network = false;
  policy.writable = {"/dev"};
  for (const int family : {AF_INET, AF_INET6}) {
    CHECK(in_child([&] {
            if (!has(apply_sandbox(policy), "seccomp=no-network")) return 200;
            return in_child([&] { return outcome(::socket(family, SOCK_STREAM, 0)); });
          }) == EAFNOSUPPORT);
  }
  CHECK(in_child([&] {
          if (!has(apply_sandbox(policy), "seccomp=no-network")) return 200;
          return outcome(::socket(AF_UNIX, SOCK_STREAM, 0));
        }) == 0);
}

TEST_CASE("what it starts gets no privileges and no capabilities back") {
  CHECK(in_child([] {
          if (!has(apply_sandbox({}), "no_new_privs")) return 200;
          // Prints its effective capabilities; root keeps dac_override (bit 1).
          const char* wanted = ::geteuid() == 0 ? "0000000000000002" : "0000000000000000";
          const std::string command = std::string("grep -q '^CapEff:.") + wanted +
                                      "$' /proc/self/status && grep -q '^NoNewPrivs:.1$' /proc/self/status";
          ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
          return 201;
        }) == 0);
}

}  // namespace
}  // namespace prot::stage
