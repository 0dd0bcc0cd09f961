// A process that crashes says where, and ends as it would have ended without.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "base/crash_handler.hpp"
#include "base/unique_fd.hpp"

namespace prot {
namespace {

struct Death {
  int status = 0;
  std::string text;
};

// What `how` does to a process of its own.
template <typename How>
Death crash(How how) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    for (const int number : {SIGSEGV, SIGABRT, SIGFPE}) ::signal(number, SIG_DFL);  // doctest has its own
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    install_crash_handler();
    how();
    ::_exit(0);
  }
  ::close(ends[1]);
  const UniqueFd read_end(ends[0]);
  Death death;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(read_end.get(), buffer, sizeof buffer)) > 0;)
    death.text.append(buffer, static_cast<std::size_t>(n));
  REQUIRE(::waitpid(pid, &death.status, 0) == pid);
  return death;
}

[[gnu::noinline]] int read_through(const volatile int* place) { return *place; }

// Each frame needs the stack, and the compiler must not make a loop of it.
[[gnu::noinline]] std::size_t sink_into(volatile char* above, std::size_t depth) {
  volatile char here[4096];
  here[0] = static_cast<char>(depth);
  if (depth == 0) return 0;
  return sink_into(here, depth + 1) + static_cast<std::size_t>(above[0] + here[0]);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSkip = true;  // the sanitizer's own report
#else
constexpr bool kSkip = false;
#endif

TEST_CASE("a wild pointer: the address, the first frame in this program, the right signal" *
          doctest::skip(kSkip)) {
  const int* volatile nowhere = nullptr;  // so that no compiler knows
  const Death death = crash([&] { read_through(nowhere); });
  CHECK(WIFSIGNALED(death.status));
  CHECK(WTERMSIG(death.status) == SIGSEGV);
  CHECK(death.text.starts_with("crash: SIGSEGV (code 1) at 0x0, thread "));
  const std::size_t frame = death.text.find("crash: #0 /");
  REQUIRE(frame != std::string::npos);
  CHECK(death.text.substr(frame, death.text.find('\n', frame) - frame).find("core-base-test+0x") !=
        std::string::npos);
  CHECK(death.text.ends_with('\n'));
}

TEST_CASE("abort() ends with SIGABRT, and names more than the library" * doctest::skip(kSkip)) {
  const Death death = crash([] { std::abort(); });
  CHECK(WTERMSIG(death.status) == SIGABRT);
  CHECK(death.text.find("crash: SIGABRT (code -6), thread ") == 0);
  CHECK(death.text.find("core-base-test+0x") != std::string::npos);
}

TEST_CASE("a stack that has overflown does not keep it from speaking" * doctest::skip(kSkip)) {
  volatile char ground[1] = {1};
  const Death death = crash([&] { ::_exit(static_cast<int>(sink_into(ground, 1)) & 1); });
  CHECK(WIFSIGNALED(death.status));
  CHECK(WTERMSIG(death.status) == SIGSEGV);
  CHECK(death.text.find("crash: #0 ") != std::string::npos);
}

TEST_CASE("without a reader it ends all the same" * doctest::skip(kSkip)) {
  const Death death = crash([] {
    ::signal(SIGPIPE, SIG_IGN);
    ::close(STDERR_FILENO);
    ::raise(SIGFPE);
  });
  CHECK(WTERMSIG(death.status) == SIGFPE);
  CHECK(death.text.empty());
}

}  // namespace
}  // namespace prot
