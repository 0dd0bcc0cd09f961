#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace prot {

/// The folders of one instance (architecture: "Instances and configuration"). No folder is made here.
struct InstancePaths {
  std::string instance;
  std::filesystem::path runtime;  // control.sock, chat.sock, llm.sock, lock, db/ (socket)
  std::filesystem::path state;    // spool/, log/, db/ (unless root: see supervisor)
  std::filesystem::path cache;    // models/, engines/
  std::filesystem::path config;   // prot.toml
};

/// Folders of `instance` from XDG_* and HOME. Throws UsageError for a name that is not [a-z0-9_-]{1,32}.
[[nodiscard]] InstancePaths instance_paths(std::string_view instance);

/// Makes `path` and its parents with `mode` for the last one; fails if somebody else owns it. Throws Error.
void make_private_directory(const std::filesystem::path& path, unsigned mode = 0700);

}  // namespace prot
