#include "sealed_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"

namespace prot::supervisor {

UniqueFd make_sealed_file(const std::string& name, std::string_view content) {
  UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) throw errno_error("cannot make the memory file " + name);
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno != EINTR) throw errno_error("cannot write the memory file " + name);
    if (n > 0) content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    throw errno_error("cannot seal the memory file " + name);
  return fd;
}

}  // namespace prot::supervisor
