// Names of addresses: what addr2line prints, and what it says of this very program.
#include "base/symbols.hpp"

#include <doctest/doctest.h>
#include <link.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_folder.hpp"

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

namespace {

/// Another addr2line in front of the real one, for as long as it lives.
class FalseProgram {
 public:
  explicit FalseProgram(const std::string& script) : before_(::getenv("PATH")) {
    const auto file = folder_.path() / "addr2line";
    std::ofstream(file) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    ::setenv("PATH", (folder_.path().string() + ":" + before_).c_str(), 1);
  }
  ~FalseProgram() { ::setenv("PATH", before_.c_str(), 1); }
  FalseProgram(const FalseProgram&) = delete;
  FalseProgram& operator=(const FalseProgram&) = delete;

 private:
  test::TempFolder folder_;
  std::string before_;
};

}  // namespace

TEST_CASE("an answer says whether it is whole, and what it was saying when it ended is left out") {
  const std::string two = "printf '0x1\\none\\na.cpp:1\\n0x2\\ntwo\\na.cpp:2\\n'\n";
  {
    const FalseProgram whole(two);
    const SymbolAnswer answer = ask_symbols("/a", {1, 2});
    CHECK(answer.trouble.empty());
    REQUIRE(answer.places.size() == 2);
    CHECK(answer.places[1].at(0).function == "two");
    CHECK(ask_symbols("/a", {1, 2, 3}).trouble == "addr2line said too little");
    CHECK(symbols_at("/a", {1, 2, 3}).size() == 3);
  }
  {
    const FalseProgram failing(two + "exit 3\n");
    const SymbolAnswer answer = ask_symbols("/a", {1, 2});
    CHECK(answer.trouble == "addr2line ended with code 3");
    REQUIRE(answer.places.size() == 1);
    CHECK(answer.places[0].at(0).function == "one");
  }
  {
    const FalseProgram late(two + "exec sleep 1000\n");
    const SymbolAnswer answer = ask_symbols("/a", {1, 2}, 300 * kMillisecond);
    CHECK(answer.trouble == "addr2line took too long");
    CHECK(answer.places.size() <= 1);  // on a full machine it said nothing yet
  }
}
