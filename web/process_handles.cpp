#include "process_handles.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace prot::web {
namespace {
namespace fs = std::filesystem;

/// Entries of a folder of /proc, or nothing.
template <typename Function>
bool for_each_entry(const std::string& folder, Function function) {
  std::error_code error;
  fs::directory_iterator it(folder, error);
  if (error) return false;
  while (it != fs::directory_iterator()) {
    function(it->path());
    it.increment(error);  // whoever is looked at may end meanwhile
    if (error) return false;
  }
  return true;
}

}  // namespace

ProcessHandles process_handles(std::uint32_t pid) {
  ProcessHandles handles;
  if (pid == 0) return handles;
  const std::string folder = fmt::format("/proc/{}/", pid);
  std::uint32_t threads = 0;
  if (for_each_entry(folder + "task", [&](const fs::path&) { ++threads; })) handles.threads = threads;
  std::uint32_t descriptors = 0;
  if (for_each_entry(folder + "fd", [&](const fs::path&) { ++descriptors; }))
    handles.descriptors = descriptors;
  return handles;
}

}  // namespace prot::web
