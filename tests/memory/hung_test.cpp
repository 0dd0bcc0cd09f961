// prot-memory with a real PostgreSQL that stands still: it takes connections, and answers nobody.
#include <doctest/doctest.h>

#include "memory/stores/connection_pool.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/postgres.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using prot::test::MemoryBench;

namespace {

struct Fixture {
  Fixture()
      : bench(
            [this] {
              return make_postgres_store(make_connection_pool(postgres.conninfo(), 1, 2, patience), "test");
            },
            {"memory.extraction_idle_s=0.05", "memory.drain_model_s=1", "memory.drain_store_s=1"}) {
    postgres.start();
  }

  void tell(int count) {
    for (int i = 0; i < count; ++i) {
      sequence += 10;
      bench.send(exchange(1, sequence, "My item" + std::to_string(sequence) + " is a lamp.", "Ah."));
      ++told;
    }
  }
  void set_model_hangs(bool hang) {
    const std::lock_guard lock(bench.script->mutex);
    bench.script->hang = hang;
  }
  int asked() {
    const std::lock_guard lock(bench.script->mutex);
    return bench.script->asked;
  }
  void check_everything_once() {
    CHECK(bench.until([&] {
      return postgres.query("SELECT count(*) FROM memory_job WHERE state <> 'done'") == "0" &&
             bench.gauge("messages") == static_cast<std::uint64_t>(2 * told);
    }));
    CHECK(postgres.query("SELECT count(*) FROM message WHERE role = 'user'") == std::to_string(told));
    CHECK(postgres.query("SELECT count(*) FROM memory_job WHERE kind = 'extract'") == std::to_string(told));
    CHECK(spool_files(bench.spool("memory"), ".spool").empty());
  }

  Nanos patience = kSecond / 2;
  prot::test::PrivatePostgres postgres;
  MemoryBench bench;
  std::uint64_t sequence = 0;
  int told = 0;
};

struct Patient : Fixture {
  Patient() { patience = 60 * kSecond; }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "a database that hangs in a conversation: messages go to the spool, and come home") {
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  tell(2);
  REQUIRE(bench.all_released());
  postgres.hang();
  tell(3);
  CHECK(bench.all_released());
  CHECK(bench.until([&] { return bench.gauge("db_up") == 0 && bench.gauge("spooled") > 0; }));
  CHECK(bench.gauge("db_cut") >= 1);
  postgres.go_on();
  CHECK(bench.until([&] { return bench.gauge("db_up") == 1; }));
  check_everything_once();
}

// The server's own time-outs say nothing here, and the pool alone would wait for a minute.
TEST_CASE_FIXTURE(Patient, "a drain with a model and a database that hang ends in time, and all is resumed") {
  set_model_hangs(true);
  bench.start();
  tell(3);
  REQUIRE(bench.all_released());
  REQUIRE(bench.until([&] { return asked() == 1; }));
  postgres.hang();
  tell(2);
  const std::filesystem::path spool = bench.spool("memory");
  bench.end_of_stream();
  const Nanos begin = bench.clock.now();
  CHECK(bench.until([&] { return bench.stage->finished(); }));
  CHECK(bench.run.into("turns").used() == 0);
  bench.kill();
  const Nanos took = bench.clock.now() - begin;
  MESSAGE("ms: " << took / kMillisecond << ", deadline 2000");
  CHECK(took <= 3 * kSecond);
  CHECK_FALSE(spool_files(spool, ".spool").empty());

  postgres.go_on();
  set_model_hangs(false);
  bench.start();
  check_everything_once();
}

TEST_CASE("a pool gives no more connections than it may, and says how many are free") {
  prot::test::PrivatePostgres postgres;
  postgres.start();
  {
    ConnectionPool impatient(postgres.conninfo(), {1, 1, 50 * kMillisecond});
    const ConnectionPool::Lease only = impatient.take();
    CHECK_THROWS_AS(static_cast<void>(impatient.take()), StoreError);
  }
  ConnectionPool pool(postgres.conninfo(), {1, 2, 60 * kSecond});
  CHECK(pool.gauges().size == 0);
  {
    const ConnectionPool::Lease one = pool.take();
    const ConnectionPool::Lease two = pool.take();
    CHECK(pool.gauges().size == 2);
    CHECK(pool.gauges().free == 0);
    CHECK(postgres.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = '' AND state IS NOT "
                         "NULL") == "2");
  }
  {
    // What another kind of connection takes counts, and waits as well.
    std::optional<ConnectionPool::Seat> seat(pool.take_seat());
    CHECK(pool.gauges().size == 2);
    CHECK(pool.gauges().free == 1);
    CHECK(pool.is_full());
    const ConnectionPool::Seat other = pool.take_seat();  // in the place of the one that nobody used
    CHECK(pool.gauges().size == 2);
    CHECK(pool.gauges().free == 0);
    seat.reset();
    CHECK_FALSE(pool.is_full());
    const ConnectionPool::Lease lease = pool.take();
    CHECK(pool.gauges().size == 2);
  }
  CHECK(pool.gauges().size == 1);  // so many stay open
  CHECK(pool.gauges().free == 1);
  CHECK(pool.gauges().most == 2);
  pool.close_idle();
  CHECK(pool.gauges().size == 0);
  pool.end_within(0);
  CHECK_THROWS_AS(static_cast<void>(pool.take()), StoreError);
}

TEST_CASE("a connection on which nothing begins for too long is cut, another one comes") {
  prot::test::PrivatePostgres postgres;
  postgres.start();
  ConnectionPool pool(postgres.conninfo(), {1, 1, 200 * kMillisecond});
  {
    const ConnectionPool::Lease lease = pool.take();
    pqxx::work tx(lease.connection());
    CHECK_THROWS(tx.exec("SELECT pg_sleep(20)"));
  }
  CHECK(pool.gauges().cut == 1);
  CHECK(pool.gauges().size == 0);
  const ConnectionPool::Lease lease = pool.take();
  pqxx::work tx(lease.connection());
  CHECK(tx.exec("SELECT 1")[0][0].as<int>() == 1);
}

TEST_CASE("the day's budget of model calls outlives the process, and the day ends it") {
  prot::test::PrivatePostgres postgres;
  postgres.start();
  MemoryBench bench([&] { return make_postgres_store(postgres.conninfo(), "test"); },
                    {"memory.extraction_idle_s=0.01", "memory.daily_calls=1"});
  const auto asked = [&] {
    const std::lock_guard lock(bench.script->mutex);
    return bench.script->asked;
  };
  bench.start();
  for (std::uint64_t i = 1; i <= 3; ++i)
    bench.send(exchange(i, 10, "My item" + std::to_string(i) + " is a lamp.", "Ah."));
  REQUIRE(bench.until([&] { return asked() == 1 && bench.gauge("jobs_ready") == 2; }));
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("model_calls_today") == 1; }));
  bench.work_for(kSecond / 2);
  CHECK(asked() == 1);
  (void)postgres.query("UPDATE model_use SET day = day - 1");  // a day passes
  bench.start();
  CHECK(bench.until([&] { return asked() == 2; }));
}
