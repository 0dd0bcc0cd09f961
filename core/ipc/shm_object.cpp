#include "ipc/shm_object.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"

namespace prot::ipc::detail {
namespace bip = boost::interprocess;

bip::shared_memory_object create_object(const std::string& shm_name, std::size_t size) {
  bip::permissions only_owner(0600);
  bip::shared_memory_object object;
  try {
    object = bip::shared_memory_object(bip::create_only, shm_name.c_str(), bip::read_write, only_owner);
    object.truncate(static_cast<bip::offset_t>(size));
  } catch (const bip::interprocess_exception& error) {
    if (error.get_error_code() != bip::already_exists_error)
      bip::shared_memory_object::remove(shm_name.c_str());
    throw errno_error("cannot create shared memory " + shm_name, error.get_native_error());
  }
  const int failed = ::posix_fallocate(object.get_mapping_handle().handle, 0, static_cast<off_t>(size));
  if (failed != 0) {
    bip::shared_memory_object::remove(shm_name.c_str());
    throw errno_error(fmt::format("shared memory {} needs {} KiB in /dev/shm", shm_name, size / 1024),
                      failed);
  }
  return object;
}

bip::shared_memory_object open_object(const std::string& shm_name, bool writable, std::size_t& size) {
  bip::shared_memory_object object;
  try {
    object = bip::shared_memory_object(bip::open_only, shm_name.c_str(),
                                       writable ? bip::read_write : bip::read_only);
  } catch (const bip::interprocess_exception& error) {
    const int number = error.get_native_error();
    const std::string what = errno_error("cannot open shared memory " + shm_name, number).what();
    throw Error(what, number == EACCES || number == EPERM ? kRefused : 1);
  }
  struct stat info {};
  if (::fstat(object.get_mapping_handle().handle, &info) != 0)
    throw errno_error("cannot read the owner of shared memory " + shm_name);
  if (info.st_uid != ::geteuid())
    throw Error(fmt::format("shared memory {} belongs to user {}, not to you", shm_name, info.st_uid),
                kRefused);
  size = static_cast<std::size_t>(info.st_size);
  return object;
}

bip::mapped_region map_part(const std::string& shm_name, const bip::shared_memory_object& object,
                            bool writable, std::size_t offset, std::size_t size) {
  try {
    return {object, writable ? bip::read_write : bip::read_only, static_cast<bip::offset_t>(offset), size};
  } catch (const bip::interprocess_exception& error) {
    throw errno_error("cannot map shared memory " + shm_name, error.get_native_error());
  }
}

void fill_text(char* field, std::size_t size, const std::string& text, const std::string& shm_name) {
  if (text.size() >= size)
    throw Error(fmt::format("shared memory {}: '{}' is longer than {} characters", shm_name, text, size - 1));
  std::fill(std::copy(text.begin(), text.end(), field), field + size, '\0');
}

}  // namespace prot::ipc::detail
