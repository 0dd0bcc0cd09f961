#include "outbox.hpp"

#include <doctest/doctest.h>

#include "tests/support/private_run.hpp"
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

}  // namespace
}  // namespace prot::brain
