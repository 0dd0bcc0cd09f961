// F12 of the original's audit: whatever happens to whoever has a connection, afterwards all of the pool are
// free.
#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "memory/stores/connection_pool.hpp"
#include "tests/support/postgres.hpp"

using namespace prot;
using namespace prot::memory;

namespace {

struct Fault {
  const char* name;
  std::function<void(ConnectionPool::Lease&)> happens;
};

const std::string kEndMine = "SELECT pg_terminate_backend(pg_backend_pid())";

const Fault kFaults[] = {
    {"nothing", [](ConnectionPool::Lease& lease) { pqxx::work(lease.connection()).exec("SELECT 1"); }},
    {"a statement that is wrong",
     [](ConnectionPool::Lease& lease) { pqxx::work(lease.connection()).exec("SELEKT 1"); }},
    {"a transaction that is left open",
     [](ConnectionPool::Lease& lease) {
       pqxx::work tx(lease.connection());
       tx.exec("CREATE TEMP TABLE half(n int)");
       throw std::runtime_error("in the middle");
     }},
    {"the backend is killed",
     [](ConnectionPool::Lease& lease) { pqxx::work(lease.connection()).exec(kEndMine); }},
    {"somebody cuts it",
     [](ConnectionPool::Lease& lease) {
       lease.cut();
       pqxx::work(lease.connection()).exec("SELECT 1");
     }},
    {"it hangs",
     [](ConnectionPool::Lease& lease) { pqxx::work(lease.connection()).exec("SELECT pg_sleep(20)"); }},
    {"it is said to be broken", [](ConnectionPool::Lease& lease) { lease.set_broken(); }}};

}  // namespace

TEST_CASE("after any fault every connection of the pool is free") {
  prot::test::PrivatePostgres postgres;
  postgres.start();
  ConnectionPool pool(postgres.conninfo(), {2, 3, 200 * kMillisecond});
  for (const Fault& fault : kFaults) {
    CAPTURE(fault.name);
    try {
      const ConnectionPool::Lease one = pool.take();
      ConnectionPool::Lease two = pool.take();
      CHECK(pool.gauges().size - pool.gauges().free == 2);
      fault.happens(two);
    } catch (const std::exception& e) {
      MESSAGE(fault.name << ": " << e.what());
    }
    CHECK(pool.gauges().free == pool.gauges().size);
    // And the next one works on whatever it is given: one that was lost is told once, as the store does.
    for (int tries = 0;; ++tries) {
      ConnectionPool::Lease lease = pool.take();
      try {
        CHECK(pqxx::work(lease.connection()).exec("SELECT 1")[0][0].as<int>() == 1);
        break;
      } catch (const pqxx::broken_connection&) {
        REQUIRE(tries < 3);
        lease.set_broken();
      }
    }
    CHECK(pool.gauges().free == pool.gauges().size);
  }
}
