#include "base/paths.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"

namespace prot {
namespace {
std::filesystem::path from_environment(const char* name, const std::filesystem::path& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? std::filesystem::path(value) : fallback;
}

// Where it is not set the user's own, never a folder that everybody may fill.
std::filesystem::path home_folder() {
  if (auto home = from_environment("HOME", {}); !home.empty()) return home;
  const passwd* user = ::getpwuid(::geteuid());
  if (user == nullptr || user->pw_dir == nullptr || user->pw_dir[0] != '/')
    throw UsageError("HOME is not set, and user " + std::to_string(::geteuid()) +
                     " has no home: set HOME, or XDG_STATE_HOME, XDG_CACHE_HOME and XDG_CONFIG_HOME");
  return user->pw_dir;
}

std::filesystem::path from_home(const char* name, const char* below_home) {
  const auto folder = from_environment(name, {});
  return folder.empty() ? home_folder() / below_home : folder;
}
}  // namespace

InstancePaths instance_paths(std::string_view instance) {
  const bool valid =
      !instance.empty() && instance.size() <= 32 && std::all_of(instance.begin(), instance.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      });
  if (!valid)
    throw UsageError("instance name '" + std::string(instance) + "': only a-z 0-9 - _, 1 to 32 characters");
  const std::filesystem::path temporary = from_environment("TMPDIR", "/tmp");
  const std::filesystem::path runtime =
      from_environment("XDG_RUNTIME_DIR", temporary / ("prot-" + std::to_string(::getuid())));
  InstancePaths paths;
  paths.instance = instance;
  paths.runtime = runtime / "prot" / instance;
  paths.state = from_home("XDG_STATE_HOME", ".local/state") / "prot" / instance;
  paths.cache = from_home("XDG_CACHE_HOME", ".cache") / "prot";
  paths.config = from_home("XDG_CONFIG_HOME", ".config") / "prot" / "prot.toml";
  return paths;
}

void make_private_directory(const std::filesystem::path& path, unsigned mode) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw Error("cannot make folder " + path.parent_path().string() + ": " + error.message());
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    throw errno_error("cannot make folder " + path.string());
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) throw errno_error("cannot read folder " + path.string());
  if (!S_ISDIR(info.st_mode)) throw Error(path.string() + " is not a folder");
  if (info.st_uid != ::geteuid())
    throw Error("folder " + path.string() + " belongs to user " + std::to_string(info.st_uid) +
                ", not to you");
  if ((info.st_mode & 07777) != mode && ::chmod(path.c_str(), mode) != 0)
    throw errno_error("cannot set the mode of " + path.string());
}

}  // namespace prot
