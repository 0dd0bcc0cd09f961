#pragma once

#include "tests/support/postgres.hpp"

namespace prot::memory::test {

/// One server for all cases of a program.
prot::test::PrivatePostgres& server();
inline constexpr const char* kEmpty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";

}  // namespace prot::memory::test
