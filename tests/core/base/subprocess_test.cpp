// Helper programs: their limits.
#include "base/subprocess.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "base/clock.hpp"

using namespace prot;

namespace {
SubprocessLimits within(Nanos time) {
  SubprocessLimits limits;
  limits.within = time;
  return limits;
}
}  // namespace

TEST_CASE("a program that does not end is killed with its group") {
  const Nanos began = monotonic_now();
  const SubprocessResult result = run_subprocess({"sh", "-c", "trap '' TERM; echo there; sleep 30 & wait"},
                                                 {}, within(200 * kMillisecond));
  CHECK(result.timed_out);
  CHECK(result.exit_code == 137);
  CHECK(result.output == "there\n");
  CHECK(monotonic_now() - began < 10 * kSecond);
}

TEST_CASE("what it leaves with its output in hand is not waited for") {
  const Nanos began = monotonic_now();
  const SubprocessResult result =
      run_subprocess({"sh", "-c", "setsid sleep 15 & echo done; exit 3"}, {}, within(300 * kMillisecond));
  CHECK_FALSE(result.timed_out);
  CHECK(result.exit_code == 3);
  CHECK(result.output == "done\n");
  CHECK(monotonic_now() - began < 10 * kSecond);
}

TEST_CASE("a program that does not read what it is given ends nobody else") {
  const SubprocessResult result = run_subprocess({"sh", "-c", "exec <&-; echo closed"},
                                                 std::string(1U << 20U, 'x'), within(30 * kSecond));
  CHECK(result.exit_code == 0);
  CHECK(result.output == "closed\n");
}

TEST_CASE("within its time a program is let alone, and sees no name that is kept from it") {
  ::setenv("PROT_TEST_HIDDEN", "x", 1);
  SubprocessLimits limits = within(30 * kSecond);
  limits.unset = {"PROT_TEST_HIDDEN"};
  const char* const script = "cat; echo ${PROT_TEST_HIDDEN-none}";
  CHECK(run_subprocess({"sh", "-c", script}, "in ", limits).output == "in none\n");
  CHECK(run_subprocess({"sh", "-c", script}, "in ").output == "in x\n");
  ::unsetenv("PROT_TEST_HIDDEN");
}
