#include "outbox.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>

#include "base/log.hpp"
#include "tests/support/private_run.hpp"
#include "tests/support/temp_folder.hpp"
#include "wire/memory.hpp"
#include "wire/speech_out.hpp"

namespace prot::brain {
namespace {

TEST_CASE("frames of a cancelled turn that still wait for room are dropped and counted") {
  const SteadyClock clock;
  test::PrivateRun run("brain", clock, {}, {{"speech", 65536}});
  const auto context = run.attach();
  Outbox outbox(context->output("speech"));
  const std::string text(8000, 'x');
  int published = 0;
  while (outbox.empty()) outbox.push(wire::Segment{}, text, {.turn = 1}, [&] { ++published; });
  outbox.push(wire::Segment{}, text, {.turn = 1}, [&] { ++published; });
  outbox.push(wire::Segment{}, text, {.turn = 2}, [&] { ++published; });
  REQUIRE(outbox.size() == 3);
  const int before = published;
  outbox.drop_turn(1);
  CHECK(outbox.stale() == 2);
  CHECK(outbox.size() == 1);
  CHECK(published == before);
}

TEST_CASE("messages for which the disk has no room wait, it is told once, and they are kept when it has") {
  const SteadyClock clock;
  test::PrivateRun run("brain", clock, {}, {{"turns", 65536}});
  const auto context = run.attach();
  const test::TempFolder folder;
  const std::filesystem::path spool = folder.path() / "spool";
  std::atomic<int> complaints = 0;
  set_log_observer([&](const LogRecord& line) { complaints += line.level == LogLevel::kError ? 1 : 0; },
                   false);
  Outbox outbox(context->output("turns"), false, spool.string());
  int published = 0;
  while (outbox.empty()) outbox.push(wire::UserMessage{}, std::string(8000, 'x'), {}, [&] { ++published; });
  const int before = published;
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &usual) == 0);
  const auto deaf = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{100, usual.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  Nanos now = clock.now();
  for (int i = 0; i < 4; ++i, now += 3 * kSecond) CHECK(outbox.relieve(now) == 0);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &usual) == 0);
  (void)std::signal(SIGXFSZ, deaf);
  CHECK(complaints == 1);
  CHECK(std::filesystem::is_empty(spool));
  CHECK(published == before);
  CHECK(outbox.relieve(now) == 1);
  CHECK(published == before + 1);
  CHECK_FALSE(std::filesystem::is_empty(spool));
  set_log_observer({}, true);
}

}  // namespace
}  // namespace prot::brain
