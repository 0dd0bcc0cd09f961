// Who hangs, and who only sleeps, waits or starves.
#include "hang_judge.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <optional>

namespace prot::supervisor {
namespace {

constexpr Nanos kLimit = 500 * kMillisecond;
constexpr Nanos kScan = 110 * kMillisecond;

/// A process and the scans over it; time runs only here.
struct Patient {
  explicit Patient(Nanos limit = kLimit) : judge(limit) { judge.forgive(now); }

  /// Scans for `span`; returns when it was found to hang, counted from here.
  std::optional<Nanos> watch(Nanos span) {
    const Nanos begin = now;
    for (; now - begin <= span; now += kScan) {
      if (on_scan) on_scan();
      if (beats) pulse.heartbeat = now - kMillisecond;
      const bool suspect = judge.is_suspect(now, pulse);
      looks += suspect ? 1 : 0;
      if (judge.look(now, pulse, suspect ? &scheduling : nullptr)) return now - begin;
    }
    return std::nullopt;
  }

  Nanos now = 100 * kSecond;
  Pulse pulse{100 * kSecond, false, false, 0};
  Scheduling scheduling{'R', 1, 1, false};
  HangJudge judge;
  std::function<void()> on_scan;
  bool beats = false;
  int looks = 0;
};

TEST_CASE("one that beats is well, and costs no look at /proc") {
  Patient patient;
  patient.beats = true;
  SUBCASE("awake") {}
  SUBCASE("asleep") { patient.pulse.asleep = true; }
  CHECK_FALSE(patient.watch(60 * kSecond));
  CHECK(patient.looks == 0);
}

TEST_CASE("awake without progress: found within 1.25 times the limit") {
  for (const Nanos limit : {500 * kMillisecond, 5 * kSecond}) {
    Patient patient(limit);
    SUBCASE("it spins") {
      patient.on_scan = [&] { patient.scheduling.on_cpu += kScan; };
    }
    SUBCASE("it waits in a call") { patient.scheduling.state = 'S'; }
    const auto found = patient.watch(60 * kSecond);
    REQUIRE(found);
    CHECK(*found > limit);
    CHECK(*found <= limit * 5 / 4);
  }
}

TEST_CASE("asleep with nothing to read is well, however long") {
  Patient patient;
  patient.pulse.asleep = true;
  patient.scheduling.state = 'S';
  CHECK_FALSE(patient.watch(600 * kSecond));
}

TEST_CASE("asleep, and its bell is not heard: found within 1.25 times the limit") {
  Patient patient;
  patient.pulse.asleep = patient.pulse.is_rung = true;
  patient.scheduling.state = 'S';
  patient.now += 800 * kMillisecond;  // it had slept before
  const auto found = patient.watch(60 * kSecond);
  REQUIRE(found);
  CHECK(*found <= kLimit * 5 / 4);
  CHECK(*found >= kLimit / 2);
}

TEST_CASE("a bell that is rung again and again is no bell that is not heard") {
  Patient patient;
  patient.pulse.asleep = patient.pulse.is_rung = true;
  patient.scheduling.state = 'S';
  patient.on_scan = [&] { patient.pulse.heartbeat = patient.now - 140 * kMillisecond; };
  CHECK_FALSE(patient.watch(60 * kSecond));
}

TEST_CASE("stopped with nothing to do: found within 1.25 times the limit") {
  for (const Nanos slept : {Nanos{0}, 400 * kMillisecond, 900 * kMillisecond}) {
    CAPTURE(slept);
    Patient patient;
    patient.pulse.asleep = true;
    patient.scheduling.state = 'S';
    patient.pulse.heartbeat = patient.now - slept;
    patient.judge.forgive(0);
    static_cast<void>(patient.watch(0));
    patient.scheduling.state = 'T';
    const auto found = patient.watch(60 * kSecond);
    REQUIRE(found);
    CHECK(*found <= kLimit * 5 / 4);
    CHECK(*found >= kLimit / 2);
  }
}

TEST_CASE("one in a debugger is never judged, and has its limit again afterwards") {
  Patient patient;
  patient.scheduling.is_traced = true;
  patient.scheduling.state = 't';
  CHECK_FALSE(patient.watch(60 * kSecond));
  patient.scheduling.is_traced = false;
  patient.scheduling.state = 'S';
  const auto found = patient.watch(60 * kSecond);
  REQUIRE(found);
  CHECK(*found >= kLimit - 2 * kScan);  // it was last seen in the debugger up to two scans ago
}

TEST_CASE("a full machine: who gets no processor does not hang") {
  Patient patient;
  patient.scheduling = {'R', 1000, 1000, false};
  SUBCASE("it waits all the time, and the kernel has not summed it up") {}
  SUBCASE("it gets a little now and then") {
    patient.on_scan = [&] {
      patient.scheduling.on_cpu += kMillisecond;
      patient.scheduling.waited += kScan - kMillisecond;
    };
  }
  SUBCASE("it waits for the disk") { patient.scheduling.state = 'D'; }
  CHECK_FALSE(patient.watch(6 * kSecond));
}

TEST_CASE("a full machine: a sleeper that is woken and gets no processor does not hang") {
  for (const Nanos slept : {Nanos{0}, 400 * kMillisecond, 900 * kMillisecond}) {
    CAPTURE(slept);
    Patient patient;
    patient.scheduling = {'S', 1000, 1000, false};
    patient.pulse.asleep = true;
    CHECK_FALSE(patient.watch(slept));
    patient.pulse.is_rung = true;
    SUBCASE("it waits all the time") { patient.scheduling.state = 'R'; }
    SUBCASE("for the disk") { patient.scheduling.state = 'D'; }
    SUBCASE("it is seen between two waits") {
      patient.on_scan = [&] { patient.scheduling.waited += kScan - kMillisecond; };
    }
    CHECK_FALSE(patient.watch(6 * kSecond));
    patient.scheduling.state = 'S';  // the processor was there, and it does not hear its bell all the same
    patient.on_scan = nullptr;
    CHECK(patient.watch(kLimit * 5 / 4));
  }
}

TEST_CASE("a full machine: who spins with half a processor is found all the same") {
  Patient patient;
  patient.scheduling = {'R', 1000, 1000, false};
  patient.on_scan = [&] {
    patient.scheduling.on_cpu += kScan / 2;
    patient.scheduling.waited += kScan / 2;
  };
  const auto found = patient.watch(60 * kSecond);
  REQUIRE(found);
  CHECK(*found <= 2 * kLimit * 5 / 4);
}

TEST_CASE("a kernel that does not tell of waiting excuses nobody") {
  Patient patient;
  patient.scheduling = {'R', 0, 0, false};
  CHECK(patient.watch(60 * kSecond));
}

TEST_CASE("an announced call has the time it asked for, but a minute at most") {
  Patient patient;
  patient.scheduling.state = 'S';
  SUBCASE("two seconds") {
    patient.pulse.busy_until = patient.now + 2 * kSecond;
    const auto found = patient.watch(600 * kSecond);
    REQUIRE(found);
    CHECK(*found >= 2 * kSecond);
    CHECK(*found <= 2 * kSecond + 2 * kScan);
  }
  SUBCASE("for ever") {
    patient.pulse.busy_until = kNever;
    const auto found = patient.watch(600 * kSecond);
    REQUIRE(found);
    CHECK(*found >= 60 * kSecond);
    CHECK(*found <= 61 * kSecond);
  }
}

TEST_CASE("a supervisor that overslept judges nobody by that time") {
  Patient patient;
  patient.scheduling.state = 'S';
  patient.now += 10 * kSecond;
  patient.judge.forgive(patient.now);
  const auto found = patient.watch(60 * kSecond);
  REQUIRE(found);
  CHECK(*found >= kLimit);
}

}  // namespace
}  // namespace prot::supervisor
