#include "base/ownership.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace prot {
namespace {
namespace fs = std::filesystem;

// In a user namespace that does not know root, its files show as those of the user that stands for the
// unknown.
bool is_root(uid_t user) {
  struct stat top {};
  return user == 0 || (::stat("/", &top) == 0 && user == top.st_uid);
}

bool is_trusted(uid_t user) { return user == ::geteuid() || is_root(user); }

bool is_private_group(gid_t group, uid_t owner) {
  const passwd* user = ::getpwuid(owner);
  if (user == nullptr || user->pw_gid != group) return false;
  const std::string name = user->pw_name;
  const struct group* entry = ::getgrgid(group);
  if (entry == nullptr || name != entry->gr_name) return false;
  for (char** member = entry->gr_mem; *member != nullptr; ++member)
    if (name != *member) return false;
  return true;
}

std::string foreign(uid_t user) { return fmt::format("belongs to user {}, not to you", user); }
std::string changeable(mode_t mode) {
  return fmt::format("may be changed by others (mode {:o})", mode & 07777U);
}

void check_way(const fs::path& way) {
  fs::path part;
  for (const fs::path& name : way) {
    part /= name;
    struct stat info {};
    if (::lstat(part.c_str(), &info) != 0) return;
    const char* what = S_ISLNK(info.st_mode) ? "link" : "folder";
    if (!is_trusted(info.st_uid))
      throw Untrusted(fmt::format("{} {} {}", what, part.string(), foreign(info.st_uid)));
    const bool keeps = S_ISLNK(info.st_mode) || (info.st_mode & S_ISVTX) != 0;
    if (!keeps && others_may_write(info))
      throw Untrusted(fmt::format("{} {} {}", what, part.string(), changeable(info.st_mode)));
  }
}

}  // namespace

bool others_may_write(const struct stat& info) {
  if ((info.st_mode & S_IWOTH) != 0) return true;
  return (info.st_mode & S_IWGRP) != 0 && !is_private_group(info.st_gid, info.st_uid);
}

std::string distrust_of(const struct stat& info) {
  if (!is_trusted(info.st_uid)) return foreign(info.st_uid);
  return others_may_write(info) ? changeable(info.st_mode) : "";
}

void require_own_way(const fs::path& folder) {
  check_way(folder);
  std::error_code error;
  if (const fs::path real = fs::weakly_canonical(folder, error); !error && real != folder) check_way(real);
}

}  // namespace prot
