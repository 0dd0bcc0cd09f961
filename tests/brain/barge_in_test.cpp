#include "brain/barge_in.hpp"

#include <doctest/doctest.h>

using namespace prot;
using namespace prot::brain;

namespace {

wire::Hearing heard(wire::Heard what, Nanos at) { return {what, -20.0F, at, at}; }

constexpr Nanos kMs = kMillisecond;
const ReplyView kSilent{true, 0};
const ReplyView kAudible{true, 1000 * kMs};

}  // namespace

TEST_CASE("with headphones speech holds the reply and sustained speech cancels it") {
  BargeIn barge({.enabled = true, .headphones = true});
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 2000 * kMs), kAudible, 2060 * kMs) ==
        BargeAction::kHold);
  CHECK(barge.hold_until() == 4060 * kMs);
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 2000 * kMs), kAudible, 2090 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kConfirmed, 2000 * kMs), kAudible, 2200 * kMs) ==
        BargeAction::kCancel);
  CHECK_FALSE(barge.suspected());
  CHECK(barge.tick(9000 * kMs) == BargeAction::kNone);
}

TEST_CASE("a cough lets the reply go on, at once or after two seconds") {
  BargeIn barge({.enabled = true, .headphones = true});
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 2000 * kMs), kAudible, 2060 * kMs) ==
        BargeAction::kHold);
  CHECK(barge.on_hearing(heard(wire::Heard::kPaused, 2100 * kMs), kAudible, 2100 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kDiscarded, 2000 * kMs), kAudible, 2300 * kMs) ==
        BargeAction::kRelease);
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 3000 * kMs), kAudible, 3060 * kMs) ==
        BargeAction::kHold);
  CHECK(barge.tick(5059 * kMs) == BargeAction::kNone);
  CHECK(barge.tick(5060 * kMs) == BargeAction::kRelease);
  CHECK(barge.tick(5061 * kMs) == BargeAction::kNone);
  // It turned out to be speech after all.
  CHECK(barge.on_hearing(heard(wire::Heard::kConfirmed, 3000 * kMs), kAudible, 5100 * kMs) ==
        BargeAction::kCancel);
}

TEST_CASE("in the grace only speech that began before the reply counts") {
  BargeIn barge({.enabled = true, .headphones = true, .grace = 300 * kMs});
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 1050 * kMs), kAudible, 1110 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kConfirmed, 1050 * kMs), kAudible, 1250 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kDiscarded, 1050 * kMs), kAudible, 1260 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 1050 * kMs), kAudible, 1110 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kConfirmed, 1050 * kMs), kAudible, 1310 * kMs) ==
        BargeAction::kCancel);
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 990 * kMs), kAudible, 1050 * kMs) ==
        BargeAction::kHold);
}

TEST_CASE("without headphones only speech from before the first sound interrupts") {
  BargeIn barge({.enabled = true, .headphones = false});
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 5000 * kMs), kAudible, 5060 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kConfirmed, 5000 * kMs), kAudible, 5200 * kMs) ==
        BargeAction::kNone);
  CHECK(barge.on_hearing(heard(wire::Heard::kStarted, 500 * kMs), kSilent, 560 * kMs) == BargeAction::kHold);
  CHECK(barge.on_hearing(heard(wire::Heard::kConfirmed, 500 * kMs), kSilent, 700 * kMs) ==
        BargeAction::kCancel);
}

TEST_CASE("switched off, or with nothing to interrupt, nothing happens") {
  BargeIn off({.enabled = false, .headphones = true});
  CHECK(off.on_hearing(heard(wire::Heard::kStarted, 2000 * kMs), kAudible, 2060 * kMs) == BargeAction::kNone);
  CHECK(off.on_hearing(heard(wire::Heard::kConfirmed, 2000 * kMs), kAudible, 2060 * kMs) ==
        BargeAction::kNone);
  BargeIn on({.enabled = true, .headphones = true});
  CHECK(on.on_hearing(heard(wire::Heard::kStarted, 2000 * kMs), {}, 2060 * kMs) == BargeAction::kNone);
  CHECK(on.on_hearing(heard(wire::Heard::kConfirmed, 2000 * kMs), {}, 2060 * kMs) == BargeAction::kNone);
}
