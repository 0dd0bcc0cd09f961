#pragma once

#include <cstdint>
#include <filesystem>

namespace prot::test {

/// A disk of a few MiB over a folder, which can really be full. Only this process and its children see it,
/// and it goes with them. Needs the right to mount.
class SmallDisk {
 public:
  /// Throws Error.
  SmallDisk(std::filesystem::path folder, std::uint64_t bytes);
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();

  /// May this process mount? If so it has mounts of its own from now on. REQUIRES: called on the first thread
  /// before others that are to see the disk begin.
  [[nodiscard]] static bool possible();
  /// Not a byte more is taken.
  void fill() const;
  void make_room() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace prot::test
