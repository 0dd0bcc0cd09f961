#include "queue/spool.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "base/sync_folder.hpp"
#include "ipc/layout.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kChunk = 1U << 20U;

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

/// The time, for a person; behind those that wait, whatever has become of the clock.
Nanos next_number(const std::filesystem::path& folder) {
  Nanos number = wall_now();
  for (const auto& path : spool_files(folder, ".spool")) {
    const std::string name = path.stem().string();
    Nanos taken = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), taken).ec == std::errc() && taken < INT64_MAX)
      number = std::max(number, taken + 1);
  }
  return number;
}

/// None: a frame of another kind. Throws Error: it makes no sense.
std::optional<TurnRecord> record_in(SpoolForm form, std::span<const std::byte> body) {
  if (form == SpoolForm::kSpool) return from_json(wire::as_text(body));
  ipc::RecordHeader header;
  if (body.size() < sizeof(header)) throw Error("a frame without its head");
  std::memcpy(&header, body.data(), sizeof(header));
  if (header.length > body.size() - sizeof(header))
    throw Error("a frame's payload is longer than its record");
  ipc::FrameInfo info;
  info.kind = header.kind;
  info.version = header.version;
  info.sequence = header.sequence;
  return record_of(info, body.subspan(sizeof(header), header.length));
}

/// A file that takes another's place when it is whole.
class Replacement {
 public:
  explicit Replacement(const std::filesystem::path& path)
      : path_(path),
        fresh_(path.string() + ".new"),
        file_(::open(fresh_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (!file_) throw errno_error("cannot make " + fresh_.string());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() { ::unlink(fresh_.c_str()); }  // nothing, once it took the place
  void write(std::string_view bytes) { write_all(file_.get(), bytes, path_.parent_path()); }
  void take_place() {
    if (::fdatasync(file_.get()) != 0 || ::rename(fresh_.c_str(), path_.c_str()) != 0)
      throw errno_error("cannot write " + path_.string());
    sync_folder(path_.parent_path());
  }

 private:
  std::filesystem::path path_;
  std::filesystem::path fresh_;
  UniqueFd file_;
};

void forget_in_file(const std::filesystem::path& path, SpoolForm form, const TurnRecord& forget,
                    std::vector<std::string>& texts) {
  const auto meant = [&](const TurnRecord& record) {
    return record.kind != TurnRecord::Kind::kForget && record.key.conversation == forget.key.conversation &&
           record.key.sequence >= forget.key.sequence && record.key.sequence <= forget.last_sequence;
  };
  const SpoolFile file(path);
  ipc::RecordReader records = file.records();
  Replacement replacement(path);
  std::string kept;
  bool changed = false;
  std::span<const std::byte> body;
  while (records.next(body)) {
    std::optional<TurnRecord> record;
    try {
      record = record_in(form, body);
    } catch (const Error&) {
      changed = true;
      continue;
    }
    if (record && meant(*record)) {
      changed = true;
      if (!record->text.empty()) texts.push_back(record->text);
      continue;
    }
    ipc::append_record(kept, body);
    if (kept.size() < kChunk) continue;
    replacement.write(kept);
    kept.clear();
  }
  if (records.damaged() > 0)
    log_error("{}: {} bytes cannot be read and go with what is forgotten", path.string(), records.damaged());
  if (!changed && records.damaged() == 0) return;
  replacement.write(kept);
  replacement.take_place();
}

}  // namespace

void SpoolWriter::open_file() {
  make_private_directory(folder_);
  written_ = waiting_bytes(folder_);
  char name[40];
  std::snprintf(name, sizeof(name), "%020lld.spool", static_cast<long long>(next_number(folder_)));
  path_ = folder_ / name;
  UniqueFd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!file) throw errno_error("cannot make " + path_.string());
  sync_folder(folder_);
  file_ = std::move(file);
}

std::string spool_bytes(std::span<const TurnRecord> records) {
  std::string data;
  for (const TurnRecord& record : records) {
    const std::string json = to_json(record);
    ipc::append_record(data, std::as_bytes(std::span(json)));
  }
  return data;
}

void SpoolWriter::append(std::span<const TurnRecord> records) {
  const std::string data = spool_bytes(records);
  if (!file_) open_file();
  if (written_ + data.size() > kMaxBytes)
    throw Error("the spool in " + folder_.string() +
                " is full (256 MiB): the database has been away too long");
  const off_t before = ::lseek(file_.get(), 0, SEEK_END);
  try {
    write_all(file_.get(), data, folder_);
    if (::fdatasync(file_.get()) != 0) throw errno_error("cannot sync the spool in " + folder_.string());
  } catch (...) {
    // What was half written goes, for on a full disk it is in the way; where it cannot, it is a torn end.
    // What follows must not stand behind it in either case.
    if (before == 0)
      ::unlink(path_.c_str());
    else if (before < 0 || ::ftruncate(file_.get(), before) != 0)
      log_warn("{} has an end that was cut off", path_.string());
    file_.reset();
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

const char* extension_of(SpoolForm form) noexcept { return form == SpoolForm::kSpool ? ".spool" : ".frames"; }

std::vector<TurnRecord> SpoolReader::next(std::size_t most) {
  std::vector<TurnRecord> records;
  std::span<const std::byte> body;
  while (records.size() < most && records_.next(body)) {
    try {
      if (std::optional<TurnRecord> record = record_in(form_, body); record)
        records.push_back(std::move(*record));
      else
        ++skipped_;
    } catch (const Error&) {
      ++unreadable_;
    }
  }
  return records;
}

std::string SpoolReader::problem() const {
  std::string problem;
  if (records_.damaged() > 0)
    problem = std::to_string(records_.damaged()) + " bytes from byte " +
              std::to_string(records_.damaged_at()) + " on are damaged";
  if (unreadable_ > 0)
    problem += (problem.empty() ? "" : "; ") + std::to_string(unreadable_) + " records make no sense";
  return problem;
}

std::uint64_t waiting_records(const std::filesystem::path& folder, SpoolForm form) {
  constexpr std::size_t kAtOnce = 200;
  std::uint64_t count = 0;
  for (const std::filesystem::path& path : spool_files(folder, extension_of(form))) {
    try {
      const SpoolFile file(path);
      SpoolReader reader(form, file.records());
      for (std::size_t some = kAtOnce; some == kAtOnce; count += some) some = reader.next(kAtOnce).size();
    } catch (const Error& e) {
      log_warn("counting what waits in the spool: {}", e.what());
    }
  }
  return count;
}

SpoolFile::SpoolFile(const std::filesystem::path& path) : path_(path) {
  file_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file_) throw errno_error("cannot open " + path.string());
  locked_ = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
  if (!locked_ && errno != EWOULDBLOCK) throw errno_error("cannot lock " + path.string());
}

void SpoolFile::remove() {
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) throw errno_error("cannot remove " + path_.string());
}

void SpoolFile::set_aside() {
  const std::string bad = path_.string() + ".bad";
  if (::rename(path_.c_str(), bad.c_str()) != 0) throw errno_error("cannot rename " + path_.string());
}

std::vector<std::string> forget_in_spool(const std::filesystem::path& folder, SpoolForm form,
                                         const TurnRecord& forget) {
  std::vector<std::string> texts;
  for (const std::filesystem::path& path : spool_files(folder, extension_of(form)))
    forget_in_file(path, form, forget, texts);
  return texts;
}

}  // namespace prot::memory
