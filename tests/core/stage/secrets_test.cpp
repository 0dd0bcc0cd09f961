#include "stage/secrets.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

namespace prot::stage {
namespace {

using namespace std::string_literals;

TEST_CASE("secrets come line by line, whatever is in them") {
  const Secrets secrets("ONE=1\0TWO=a=b\nc\0EMPTY=\0no line\0LAST=x"s);
  CHECK(secrets.find("ONE") == "1");
  CHECK(secrets.find("TWO") == "a=b\nc");
  CHECK(secrets.find("LAST") == "x");
  CHECK_FALSE(secrets.find("EMPTY"));
  CHECK_FALSE(secrets.find("no line"));
  CHECK_FALSE(Secrets(""s).find("ONE"));
}

TEST_CASE("by hand, the environment has them; the sealed file wins") {
  ::setenv("PROT_TEST_SECRET", "from the environment", 1);
  CHECK(Secrets().find("PROT_TEST_SECRET") == "from the environment");
  CHECK(Secrets("PROT_TEST_SECRET=sealed"s).find("PROT_TEST_SECRET") == "sealed");
  ::setenv("PROT_TEST_SECRET", "", 1);
  CHECK_FALSE(Secrets().find("PROT_TEST_SECRET"));
  ::unsetenv("PROT_TEST_SECRET");
}

}  // namespace
}  // namespace prot::stage
