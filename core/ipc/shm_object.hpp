#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstddef>
#include <string>

/// What rings and the board have in common: one shared memory object, mapped by page. For core/ipc alone.
namespace prot::ipc::detail {

/// Exit code of whoever is given a segment of another version, size, owner or checksum (doc/developer.md).
inline constexpr int kRefused = 4;

/// Creates (exclusive, mode 0600) and really allocates `size` bytes, so that a full disk shows here and not
/// as SIGBUS. Nothing is left behind on failure. Throws Error.
boost::interprocess::shared_memory_object create_object(const std::string& shm_name, std::size_t size);

/// Opens an existing object of this user, writable or not; `size`: its real size. Throws Error.
boost::interprocess::shared_memory_object open_object(const std::string& shm_name, bool writable,
                                                      std::size_t& size);

/// Maps `size` bytes at `offset`. Throws Error.
boost::interprocess::mapped_region map_part(const std::string& shm_name,
                                            const boost::interprocess::shared_memory_object& object,
                                            bool writable, std::size_t offset, std::size_t size);

/// Copies `text` into a zeroed field, with a final zero. Throws Error when it does not fit.
void fill_text(char* field, std::size_t size, const std::string& text, const std::string& shm_name);

template <std::size_t N>
void fill_text(char (&field)[N], const std::string& text, const std::string& shm_name) {
  fill_text(field, N, text, shm_name);
}

}  // namespace prot::ipc::detail
