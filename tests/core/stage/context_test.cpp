// A stage whose place was given away while it was stopped.
#include "stage/context.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "tests/support/private_run.hpp"

using namespace prot;
using namespace prot::test;

namespace {

bool says_replaced(const Error& error) {
  return std::string(error.what()) == "tts: generation 1 was replaced: ending";
}

}  // namespace

TEST_CASE("a stage that was replaced is told, and its successor is not disturbed") {
  const SteadyClock clock;
  PrivateRun run("tts", clock);
  run.assign(1);
  const auto zombie = run.attach();
  CHECK_NOTHROW(zombie->require_current());
  run.assign(2);
  try {
    zombie->require_current();
    FAIL("it goes on");
  } catch (const Error& error) {
    CHECK(says_replaced(error));
  }
  const auto successor = run.attach();
  CHECK_NOTHROW(successor->require_current());
  ipc::FrameInfo info;
  info.kind = 40;
  CHECK(zombie->output("pcm").publish(info, {}) == ipc::PublishResult::kFaulted);
  CHECK(successor->output("pcm").publish(info, {}) == ipc::PublishResult::kOk);
}

TEST_CASE("a process that comes to attach after it was replaced touches nothing") {
  const SteadyClock clock;
  PrivateRun run("tts", clock);
  run.assign(2);
  CHECK_THROWS_AS((void)run.attach(), Error);  // generation 1
  CHECK(run.ring("pcm").producer->state == static_cast<std::uint32_t>(ipc::SideState::kNever));
  CHECK(run.ring("speech").consumer->state == static_cast<std::uint32_t>(ipc::SideState::kNever));
}
