#include "base/paths.hpp"

#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace prot {
namespace {

constexpr std::array<const char*, 4> kNames = {"HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"};

/// The names that say where things are, unset for as long as the object lives.
class NoFolders {
 public:
  NoFolders() {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (const char* value = std::getenv(kNames[i]); value != nullptr) before_[i] = value;
      ::unsetenv(kNames[i]);
    }
  }
  ~NoFolders() {
    for (std::size_t i = 0; i < kNames.size(); ++i)
      if (before_[i]) {
        ::setenv(kNames[i], before_[i]->c_str(), 1);
      } else {
        ::unsetenv(kNames[i]);
      }
  }
  NoFolders(const NoFolders&) = delete;
  NoFolders& operator=(const NoFolders&) = delete;

 private:
  std::array<std::optional<std::string>, kNames.size()> before_;
};

TEST_CASE_FIXTURE(NoFolders, "without HOME it is the user's own home, never a folder that everybody fills") {
  const passwd* user = ::getpwuid(::geteuid());
  if (user == nullptr) {
    CHECK_THROWS_AS((void)instance_paths("default"), UsageError);
    return;
  }
  const std::filesystem::path home = user->pw_dir;
  for (const char* value : {"", "relative"}) {
    const InstancePaths paths = instance_paths("default");
    CHECK(paths.config == home / ".config/prot/prot.toml");
    CHECK(paths.state == home / ".local/state/prot/default");
    CHECK(paths.cache == home / ".cache/prot");
    ::setenv("HOME", value, 1);  // no folder either
  }
}

TEST_CASE_FIXTURE(NoFolders, "HOME is where things are, but for what has a name of its own") {
  ::setenv("HOME", "/home/a", 1);
  ::setenv("XDG_CONFIG_HOME", "/etc", 1);
  const InstancePaths paths = instance_paths("x");
  CHECK(paths.config == "/etc/prot/prot.toml");
  CHECK(paths.state == "/home/a/.local/state/prot/x");
  CHECK(paths.cache == "/home/a/.cache/prot");
}

}  // namespace
}  // namespace prot
