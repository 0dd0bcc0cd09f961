#include "queue/spool.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "ipc/crc32c.hpp"
#include "ipc/layout.hpp"

namespace prot::memory {
namespace {

constexpr std::uint32_t kMaxRecord = 1U << 20U;

void append_word(std::string& out, std::uint32_t word) {
  char bytes[sizeof(word)];
  std::memcpy(bytes, &word, sizeof(word));
  out.append(bytes, sizeof(bytes));
}

std::uint32_t word_at(std::span<const std::byte> bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof(word));
  return word;
}

void sync_folder(const std::filesystem::path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw errno_error("cannot sync " + folder.string());
}

void write_all(int fd, std::string_view data, const std::filesystem::path& folder) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw errno_error("cannot write to the spool in " + folder.string());
    data.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::uint64_t waiting_bytes(const std::filesystem::path& folder) {
  std::uint64_t total = 0;
  for (const auto& path : spool_files(folder, ".spool")) total += std::filesystem::file_size(path);
  return total;
}

SpoolContent broken(SpoolContent content, std::size_t offset, const char* what) {
  content.bad = true;
  content.problem = std::string(what) + " at byte " + std::to_string(offset);
  return content;
}

}  // namespace

void SpoolWriter::open_file() {
  make_private_directory(folder_);
  written_ = waiting_bytes(folder_);
  char name[40];
  std::snprintf(name, sizeof(name), "%020lld.spool", static_cast<long long>(wall_now()));
  const std::filesystem::path path = folder_ / name;
  file_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!file_) throw errno_error("cannot make " + path.string());
  sync_folder(folder_);
}

std::string spool_bytes(std::span<const TurnRecord> records) {
  std::string data;
  for (const TurnRecord& record : records) {
    const std::string json = to_json(record);
    append_word(data, static_cast<std::uint32_t>(json.size()));
    append_word(data, ipc::crc32c(std::as_bytes(std::span(json.data(), json.size()))));
    data += json;
  }
  return data;
}

void SpoolWriter::append(std::span<const TurnRecord> records) {
  const std::string data = spool_bytes(records);
  if (!file_) open_file();
  if (written_ + data.size() > kMaxBytes)
    throw Error("the spool in " + folder_.string() +
                " is full (256 MiB): the database has been away too long");
  try {
    write_all(file_.get(), data, folder_);
    if (::fdatasync(file_.get()) != 0) throw errno_error("cannot sync the spool in " + folder_.string());
  } catch (...) {
    file_.reset();  // what was half written is a torn end; what follows must not stand behind it
    throw;
  }
  written_ += data.size();
}

std::vector<std::filesystem::path> spool_files(const std::filesystem::path& folder,
                                               const std::string& extension) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == extension && entry.is_regular_file(error)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

SpoolContent parse_spool(std::span<const std::byte> bytes) {
  SpoolContent content;
  std::size_t offset = 0;
  while (offset < bytes.size()) {
    const std::span<const std::byte> rest = bytes.subspan(offset);
    if (rest.size() < 8) return content;
    const std::uint32_t length = word_at(rest);
    if (length == 0 || length > kMaxRecord) return broken(std::move(content), offset, "impossible length");
    if (rest.size() < 8U + length) return content;
    const std::span<const std::byte> body = rest.subspan(8, length);
    if (ipc::crc32c(body) != word_at(rest.subspan(4))) {
      // A write that was cut by a power failure may leave its length and no data: only at the very end.
      if (rest.size() == 8U + length) return content;
      return broken(std::move(content), offset, "wrong checksum");
    }
    try {
      content.records.push_back(from_json(wire::as_text(body)));
    } catch (const Error&) {
      return broken(std::move(content), offset, "unreadable record");
    }
    offset += 8U + length;
  }
  return content;
}

SpoolContent parse_frames(std::span<const std::byte> bytes) {
  SpoolContent content;
  std::size_t offset = 0;
  while (offset < bytes.size()) {
    const std::span<const std::byte> rest = bytes.subspan(offset);
    if (rest.size() < 4) return content;
    const std::uint32_t length = word_at(rest);
    if (length < sizeof(ipc::RecordHeader) || length > kMaxRecord)
      return broken(std::move(content), offset, "impossible length");
    if (rest.size() < 4U + length) return content;
    ipc::RecordHeader header;
    std::memcpy(&header, rest.data() + 4, sizeof(header));
    if (header.length > length - sizeof(header))
      return broken(std::move(content), offset, "payload longer than its record");
    ipc::FrameInfo info;
    info.kind = header.kind;
    info.version = header.version;
    info.sequence = header.sequence;
    const std::optional<TurnRecord> record = record_of(info, rest.subspan(4 + sizeof(header), header.length));
    if (record) {
      content.records.push_back(*record);
    } else {
      ++content.skipped;
    }
    offset += 4U + length;
  }
  return content;
}

SpoolFile::SpoolFile(const std::filesystem::path& path) : path_(path) {
  file_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file_) throw errno_error("cannot open " + path.string());
  locked_ = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
  if (!locked_ && errno != EWOULDBLOCK) throw errno_error("cannot lock " + path.string());
}

std::vector<std::byte> SpoolFile::read() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw errno_error("cannot look at " + path_.string());
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        ::pread(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error("cannot read " + path_.string());
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

void SpoolFile::remove() {
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) throw errno_error("cannot remove " + path_.string());
}

void SpoolFile::set_aside() {
  const std::string bad = path_.string() + ".bad";
  if (::rename(path_.c_str(), bad.c_str()) != 0) throw errno_error("cannot rename " + path_.string());
}

std::vector<std::string> forget_in_spool(const std::filesystem::path& folder, const TurnRecord& forget) {
  std::vector<std::string> texts;
  for (const std::filesystem::path& path : spool_files(folder, ".spool")) {
    SpoolContent content = parse_spool(SpoolFile(path).read());
    const std::size_t before = content.records.size();
    std::erase_if(content.records, [&](const TurnRecord& record) {
      const bool meant =
          record.kind != TurnRecord::Kind::kForget && record.key.conversation == forget.key.conversation &&
          record.key.sequence >= forget.key.sequence && record.key.sequence <= forget.last_sequence;
      if (meant && !record.text.empty()) texts.push_back(record.text);
      return meant;
    });
    if (content.records.size() == before) continue;
    const std::filesystem::path fresh = path.string() + ".new";
    const UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) throw errno_error("cannot make " + fresh.string());
    write_all(file.get(), spool_bytes(content.records), folder);
    if (::fdatasync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
      throw errno_error("cannot write " + path.string());
    sync_folder(folder);
  }
  return texts;
}

}  // namespace prot::memory
