// prot-memory on disks that are really full.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <optional>

#include "base/log.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/small_disk.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using prot::test::MemoryBench;
using prot::test::PrivatePostgres;
using prot::test::SmallDisk;

namespace {

/// PostgreSQL in a temporary folder of its own choice.
struct Server {
  Server() {
    if (SmallDisk::possible()) {
      disk.emplace(folder.path(), 160U << 20U);
      const char* usual = std::getenv("TMPDIR");
      const std::string before = usual == nullptr ? "" : usual;
      ::setenv("TMPDIR", folder.path().c_str(), 1);
      postgres.emplace();
      if (usual == nullptr)
        ::unsetenv("TMPDIR");
      else
        ::setenv("TMPDIR", before.c_str(), 1);
    }
  }
  prot::test::TempFolder folder;
  std::optional<SmallDisk> disk;
  std::optional<PrivatePostgres> postgres;  // on that disk
};

struct Fixture {
  Fixture()
      : bench([this] { return make_postgres_store(server.postgres->conninfo(), "test"); },
              {"memory.extraction_idle_s=3600"}) {
    set_log_observer(
        [this](const LogRecord& line) {
          if (line.level == LogLevel::kError || line.level == LogLevel::kWarn) ++complaints;
        },
        false);
  }
  ~Fixture() {
    bench.kill();
    set_log_observer({}, true);
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  void tell(int count) {
    for (int i = 0; i < count; ++i) {
      sequence += 10;
      bench.send(exchange(1, sequence, "I told you " + std::to_string(sequence) + ".", "Ah."));
      ++told;
    }
  }
  void check_everything_once() {
    CHECK(bench.until([&] { return bench.gauge("messages") == static_cast<std::uint64_t>(2 * told); }));
    CHECK(server.postgres->query("SELECT count(*), count(DISTINCT seq) FROM message WHERE NOT open") ==
          std::to_string(2 * told) + "|" + std::to_string(2 * told));
    CHECK(server.postgres->query("SELECT count(*) FROM memory_job") == std::to_string(told));
    CHECK(spool_files(bench.spool("memory"), ".spool").empty());
  }

  Server server;
  std::atomic<int> complaints = 0;
  MemoryBench bench;
  std::uint64_t sequence = 0;
  int told = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "no database and no room for the spool: told once, kept in the ring, all comes home") {
  if (!SmallDisk::possible()) {
    MESSAGE("left out: nothing may be mounted here");
    return;
  }
  bench.start();
  const SmallDisk disk(bench.spool("memory"), 1U << 20U);
  tell(2);
  REQUIRE(bench.all_released());
  REQUIRE(bench.gauge("spool_failing") == 0);
  disk.fill();
  const int before = complaints;
  for (int i = 0; i < 5; ++i) {
    tell(1);
    bench.work_for(50 * kMillisecond);
  }
  CHECK(bench.until([&] { return bench.gauge("spool_failing") == 1; }));
  CHECK(bench.run.into("turns").used() > 0);
  CHECK(complaints == before + 1);
  CHECK(spool_files(bench.spool("memory"), ".spool").size() == 1);  // tries leave nothing behind
  SUBCASE("room is made") {
    disk.make_room();
    CHECK(bench.all_released());
    CHECK(bench.until([&] { return bench.gauge("spool_failing") == 0; }));
    server.postgres->start();
  }
  SUBCASE("the database comes first") {
    server.postgres->start();
    CHECK(bench.all_released());
  }
  SUBCASE("memory is killed, room is made") {
    bench.start();
    tell(1);
    disk.make_room();
    server.postgres->start();
    CHECK(bench.all_released());
  }
  check_everything_once();
  CHECK(bench.gauge("spool_failing") == 0);
}

TEST_CASE_FIXTURE(Fixture, "the database's disk is really full: told once, spooled, all comes home") {
  if (!SmallDisk::possible()) {
    MESSAGE("left out: nothing may be mounted here");
    return;
  }
  server.postgres->start();
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  tell(2);
  REQUIRE(bench.all_released());
  (void)server.postgres->query("CHECKPOINT");
  server.disk->fill();
  const int before = complaints;
  // Until the pages that it has are full.
  const std::string much(60'000, 'x');
  for (int i = 0; i < 400 && bench.gauge("db_up") == 1; ++i) {
    sequence += 10;
    bench.send(exchange(1, sequence, "So " + std::to_string(sequence) + " " + much, "Ah."));
    ++told;
    REQUIRE(bench.all_released());
  }
  CHECK(bench.until([&] { return bench.gauge("db_up") == 0 && bench.gauge("spooled") > 0; }));
  tell(3);
  CHECK(bench.all_released());
  bench.work_for(kSecond);  // it is tried again meanwhile
  CHECK(complaints == before + 1);
  server.disk->make_room();
  server.postgres->stop();  // where it could not write its journal it has ended
  server.postgres->start();
  check_everything_once();
}
