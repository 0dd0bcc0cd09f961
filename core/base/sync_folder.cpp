#include "base/sync_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace prot {

void sync_folder(const std::filesystem::path& folder) {
  const UniqueFd file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) throw errno_error("cannot force " + folder.string() + " to disk");
}

}  // namespace prot
