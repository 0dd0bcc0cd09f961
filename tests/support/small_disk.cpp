#include "tests/support/small_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace prot::test {

bool SmallDisk::possible() {
  static const bool able =
      ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return able;
}

SmallDisk::SmallDisk(std::filesystem::path folder, std::uint64_t bytes) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  const std::string options = "mode=0777,size=" + std::to_string(bytes);
  if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) != 0)
    throw errno_error("cannot mount a small disk over " + folder_.string());
}

SmallDisk::~SmallDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }

void SmallDisk::fill() const {
  const std::filesystem::path path = folder_ / "filler";
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) throw errno_error("cannot make " + path.string());
  const std::vector<char> nothing(1U << 16U);
  for (std::size_t piece = nothing.size(); piece > 0;) {
    if (::write(file.get(), nothing.data(), piece) > 0) continue;
    if (errno != ENOSPC) throw errno_error("cannot fill " + folder_.string());
    piece /= 2;
  }
}

void SmallDisk::make_room() const { std::filesystem::remove(folder_ / "filler"); }

}  // namespace prot::test
