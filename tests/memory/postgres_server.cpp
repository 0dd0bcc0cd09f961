#include "tests/memory/postgres_server.hpp"

namespace prot::memory::test {

prot::test::PrivatePostgres& server() {
  static prot::test::PrivatePostgres postgres;
  static const bool started = (postgres.start(), true);
  (void)started;
  return postgres;
}

}  // namespace prot::memory::test
