#include "frame_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <span>

#include "base/error.hpp"
#include "base/sync_folder.hpp"
#include "base/unique_fd.hpp"
#include "ipc/crc32c.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

void write_all(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error("cannot write " + file.string());
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

ipc::RecordHeader header_of(const ipc::FrameInfo& info, std::size_t length) noexcept {
  ipc::RecordHeader header{};
  header.length = static_cast<std::uint32_t>(length);
  header.kind = info.kind;
  header.version = info.version;
  header.flags = info.flags;
  header.turn = info.turn;
  header.sequence = info.sequence;
  header.made_ns = info.made_ns;
  header.published_ns = info.published_ns;
  const auto bytes = std::as_bytes(std::span(&header, 1));
  header.crc = ipc::crc32c(bytes.subspan(offsetof(ipc::RecordHeader, sequence)),
                           ipc::crc32c(bytes.first(offsetof(ipc::RecordHeader, crc))));
  return header;
}

void write_durably(const fs::path& file, std::string_view bytes) {
  const fs::path partial = file.string() + ".part";
  const UniqueFd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) throw errno_error("cannot write " + partial.string());
  try {
    write_all(fd.get(), bytes, partial);
    if (::fsync(fd.get()) != 0) throw errno_error("cannot force " + partial.string() + " to disk");
    if (::rename(partial.c_str(), file.c_str()) != 0) throw errno_error("cannot rename " + partial.string());
  } catch (...) {
    ::unlink(partial.c_str());  // on a full disk half a file is in the way
    throw;
  }
  sync_folder(file.parent_path());
}

}  // namespace prot::supervisor
