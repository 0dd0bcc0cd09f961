#include "base/old_files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "tests/support/temp_folder.hpp"

namespace {

constexpr prot::Nanos kDay = 86'400 * prot::kSecond;
constexpr prot::Nanos kNow = 20'000 * kDay;

TEST_CASE("old files go by number, size and age, the oldest first; the newest stays") {
  const prot::test::TempFolder folder;
  for (int day = 1; day <= 5; ++day) {
    const std::filesystem::path path = folder.path() / (std::to_string(day) + ".dead");
    std::ofstream(path) << "0123456789";
    const timespec at{(kNow - day * kDay) / prot::kSecond, 0};
    const timespec times[2] = {at, at};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  }
  std::ofstream(folder.path() / "0.live") << "not meant";
  std::filesystem::create_directory(folder.path() / "6.dead");
  const auto left = [&](const prot::KeptFiles& kept) {
    const std::size_t removed = prot::remove_old_files(folder.path(), ".dead", kept, kNow);
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      if (entry.is_regular_file()) names.insert(entry.path().filename().string());
    CHECK(removed + names.size() == 6);
    return names;
  };
  using Names = std::set<std::string>;
  SUBCASE("number") { CHECK(left({2, 1000, 100 * kDay}) == Names{"0.live", "1.dead", "2.dead"}); }
  SUBCASE("size") { CHECK(left({9, 35, 100 * kDay}) == Names{"0.live", "1.dead", "2.dead", "3.dead"}); }
  SUBCASE("age") { CHECK(left({9, 1000, 2 * kDay}) == Names{"0.live", "1.dead", "2.dead"}); }
  SUBCASE("all") { CHECK(left({0, 0, 0}) == Names{"0.live", "1.dead"}); }
  CHECK(prot::remove_old_files(folder.path() / "none", ".dead", {}, kNow) == 0);
}

}  // namespace
