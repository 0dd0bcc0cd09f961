// Names of addresses: what addr2line prints, and what it says of this very program.
#include "base/symbols.hpp"

#include <doctest/doctest.h>
#include <link.h>
#include <unistd.h>

#include <climits>

using namespace prot;

namespace {

[[gnu::noinline]] int well_known_function(int number) { return number * 3 + ::getpid(); }

/// The program's file, and where `function` is in it.
std::string own_file() {
  char path[PATH_MAX] = {};
  REQUIRE(::readlink("/proc/self/exe", path, sizeof path - 1) > 0);
  return path;
}
std::uint64_t offset_of(const void* address) {
  dl_find_object found{};
  REQUIRE(::_dl_find_object(const_cast<void*>(address), &found) == 0);
  return reinterpret_cast<std::uintptr_t>(address) - found.dlfo_link_map->l_addr;
}

}  // namespace

TEST_CASE("one entry for each address, inlined lines first, and only what is known") {
  const auto found = detail::parse_addr2line(
      "0x0000000000001000\noperator new(unsigned long)\n/usr/include/c++/12/new:10\nkeep(int)\n"
      "/home/me/prot/build/../core/ipc/board.cpp:12 (discriminator 3)\n"
      "0x0000000000002000\n??\n??:0\n0x3\nmain\n/somewhere/main.cpp:?\n");
  REQUIRE(found.size() == 3);
  REQUIRE(found[0].size() == 2);
  CHECK(found[0][0].place == "/usr/include/c++/12/new:10");
  CHECK(found[0][1].function == "keep(int)");
  CHECK(found[0][1].place == "core/ipc/board.cpp:12");
  CHECK(found[1][0].function.empty());
  CHECK(found[1][0].place.empty());
  CHECK(found[2][0].function == "main");
  CHECK(found[2][0].place.empty());
  CHECK(detail::parse_addr2line("no address\nx\n").empty());
}

TEST_CASE("this program's own function has its name, and a file that is none has no names") {
  CHECK(well_known_function(1) > 0);
  const std::uint64_t here = offset_of(reinterpret_cast<const void*>(&well_known_function));
  const auto found = symbols_at(own_file(), {here, here});
  REQUIRE(found.size() == 2);
  REQUIRE(!found[1].empty());
  CHECK(found[1].back().function.find("well_known_function") != std::string::npos);
  const auto none = symbols_at("/dev/null", {1, 2, 3});
  REQUIRE(none.size() == 3);
  CHECK(none[2].empty());
}
