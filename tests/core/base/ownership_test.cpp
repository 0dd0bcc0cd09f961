#include "base/ownership.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/support/temp_folder.hpp"

namespace prot {
namespace {
namespace fs = std::filesystem;

constexpr uid_t kSomebody = 12345;

struct stat status(uid_t user, gid_t group, mode_t mode) {
  struct stat info {};
  info.st_uid = user;
  info.st_gid = group;
  info.st_mode = mode;
  return info;
}

std::string refusal(const fs::path& folder) {
  try {
    require_own_way(folder);
  } catch (const Untrusted& e) {
    CHECK(e.exit_code() == 1);
    return e.what();
  }
  return "";
}

TEST_CASE("a file is obeyed when it is this user's or root's, and nobody else writes it") {
  const uid_t self = ::geteuid();
  CHECK(distrust_of(status(self, ::getegid(), 0100600)).empty());
  CHECK(distrust_of(status(self, ::getegid(), 0100644)).empty());
  CHECK(distrust_of(status(0, 0, 0100644)).empty());
  CHECK(distrust_of(status(kSomebody, 0, 0100600)) == "belongs to user 12345, not to you");
  CHECK(distrust_of(status(self, kSomebody, 0100664)) == "may be changed by others (mode 664)");
  CHECK(distrust_of(status(self, ::getegid(), 0100602)) == "may be changed by others (mode 602)");
}

TEST_CASE("a group that has its owner alone is nobody else") {
  CHECK_FALSE(others_may_write(status(0, 0, 0100664)));          // root of root
  CHECK(others_may_write(status(kSomebody, 0, 0100664)));        // the group of another one
  CHECK(others_may_write(status(0, kSomebody, 0100664)));        // one that is not known
  CHECK_FALSE(others_may_write(status(0, kSomebody, 0100644)));  // may read it
}

TEST_CASE("a way that others may change is not ours, but for a sticky folder") {
  const test::TempFolder folder;
  const fs::path open = folder.path() / "open";
  const fs::path inner = open / "inner";
  REQUIRE(fs::create_directories(inner));
  CHECK(refusal(inner).empty());
  CHECK(refusal(inner / "not there" / "yet").empty());
  REQUIRE(::chmod(open.c_str(), 0777) == 0);
  CHECK(refusal(inner) == "folder " + open.string() + " may be changed by others (mode 777)");
  CHECK(refusal(folder.path()).empty());
  fs::create_directory_symlink(inner, folder.path() / "link");
  CHECK(refusal(folder.path() / "link") ==
        "folder " + open.string() + " may be changed by others (mode 777)");
  REQUIRE(::chmod(open.c_str(), 01777) == 0);
  CHECK(refusal(inner).empty());
  CHECK(refusal(folder.path() / "link").empty());
}

TEST_CASE("a folder or a link of somebody else is no way of ours" * doctest::skip(::geteuid() != 0)) {
  const test::TempFolder folder;
  const fs::path theirs = folder.path() / "theirs";
  const fs::path link = folder.path() / "link";
  REQUIRE(fs::create_directories(theirs / "prot"));
  fs::create_directory_symlink(folder.path(), link);
  CHECK(refusal(link).empty());
  REQUIRE(::lchown(link.c_str(), kSomebody, kSomebody) == 0);
  CHECK(refusal(link) == "link " + link.string() + " belongs to user 12345, not to you");
  REQUIRE(::chown(theirs.c_str(), kSomebody, kSomebody) == 0);
  CHECK(refusal(theirs / "prot") == "folder " + theirs.string() + " belongs to user 12345, not to you");
}

}  // namespace
}  // namespace prot
