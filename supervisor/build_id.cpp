#include "build_id.hpp"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace prot::supervisor {
namespace {

constexpr std::size_t kMostNotes = 64 * 1024;
constexpr std::size_t kMostHeaders = 256;
constexpr std::size_t kMostId = 64;

template <typename T>
bool read_at(int fd, std::uint64_t offset, T& out) noexcept {
  return ::pread(fd, &out, sizeof out, static_cast<off_t>(offset)) == static_cast<ssize_t>(sizeof out);
}

constexpr std::size_t padded(std::size_t size) noexcept { return (size + 3) & ~std::size_t{3}; }

std::string id_in(std::string_view notes) {
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    std::memcpy(&note, notes.data(), sizeof note);
    const std::size_t name = sizeof note;
    const std::size_t content = name + padded(note.n_namesz);
    const std::size_t end = content + padded(note.n_descsz);
    if (note.n_namesz > notes.size() || note.n_descsz > notes.size() || end > notes.size()) return {};
    if (note.n_type == NT_GNU_BUILD_ID && notes.substr(name, note.n_namesz) == std::string_view("GNU\0", 4)) {
      std::string id;
      for (const char c : notes.substr(content, std::min<std::size_t>(note.n_descsz, kMostId))) {
        id += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
        id += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
      }
      return id;
    }
    notes.remove_prefix(end);
  }
  return {};
}

std::string read_id(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  Elf64_Ehdr head{};
  if (!fd || !read_at(fd.get(), 0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr))
    return {};
  for (std::size_t i = 0; i < head.e_phnum && i < kMostHeaders; ++i) {
    Elf64_Phdr part{};
    if (!read_at(fd.get(), head.e_phoff + i * sizeof part, part)) return {};
    if (part.p_type != PT_NOTE || part.p_filesz > kMostNotes) continue;
    std::vector<char> notes(part.p_filesz);
    const ssize_t n = ::pread(fd.get(), notes.data(), notes.size(), static_cast<off_t>(part.p_offset));
    if (n != static_cast<ssize_t>(notes.size())) continue;
    if (std::string id = id_in({notes.data(), notes.size()}); !id.empty()) return id;
  }
  return {};
}

}  // namespace

std::string build_id_of(const std::string& file) noexcept {
  try {
    return read_id(file);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

}  // namespace prot::supervisor
