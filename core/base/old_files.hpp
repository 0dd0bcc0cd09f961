#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/clock.hpp"

namespace prot {

/// How much of a kind of files is kept.
struct KeptFiles {
  std::size_t most = 1000;
  std::uint64_t bytes = 64ULL << 20U;
  Nanos age = 90 * 86'400 * kSecond;
};

/// Removes those of `folder` whose names end with `ending` and that are too old at `now` (wall time), and the
/// oldest of those that are too many; the newest one stays in any case. Returns how many went.
std::size_t remove_old_files(const std::filesystem::path& folder, std::string_view ending,
                             const KeptFiles& kept, Nanos now);

}  // namespace prot
