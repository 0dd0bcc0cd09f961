#include "log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <fstream>

#include "base/log_record.hpp"

namespace prot::supervisor {
namespace fs = std::filesystem;
namespace {

constexpr Nanos kTryAgain = kSecond;

fs::path older(const fs::path& file, int n) {
  return n == 0 ? file : fs::path(file.string() + "." + std::to_string(n));
}

}  // namespace

bool LogFile::is_in_place() const noexcept {
  struct stat info {};
  return ::stat(file_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_;
}

int LogFile::open() {
  std::error_code error;
  // The folder above may have to let the database's user through.
  if (fs::create_directories(file_.parent_path(), error))
    fs::permissions(file_.parent_path(), fs::perms::owner_all, error);
  fd_.reset(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600));
  struct stat info {};
  if (!fd_ || ::fstat(fd_.get(), &info) != 0) return errno;
  size_ = static_cast<std::uint64_t>(info.st_size);
  device_ = info.st_dev;
  inode_ = info.st_ino;
  return 0;
}

void LogFile::rotate() {
  std::error_code error;  // what cannot be moved is written on, or fails at the next line
  for (int n = kFiles - 2; n >= 0; --n) fs::rename(older(file_, n), older(file_, n + 1), error);
}

int LogFile::fail(int error, Nanos now) {
  fd_.reset();
  error_ = error;
  try_again_at_ = now + kTryAgain;
  return error;
}

int LogFile::write(std::string_view line, Nanos now) {
  if (error_ != 0 && now < try_again_at_) return error_;
  if (!fd_ || !is_in_place()) {
    if (const int error = open(); error != 0) return fail(error, now);
  }
  if (size_ > 0 && size_ + line.size() > kBytes) {
    rotate();
    if (const int error = open(); error != 0) return fail(error, now);
  }
  const ssize_t n = ::write(fd_.get(), line.data(), line.size());
  if (n == static_cast<ssize_t>(line.size())) {
    size_ += line.size();
    error_ = 0;
    return 0;
  }
  const int error = n < 0 ? errno : ENOSPC;
  // Half of a line must not stay; where that fails too, the next one begins behind it and is lost with it.
  if (n > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) return fail(errno, now);
  return fail(error, now);
}

std::vector<std::string> tail_of_log(const fs::path& file, std::size_t count) {
  const std::uint64_t enough = std::min<std::uint64_t>(count, LogFile::kBytes) * kLongestLogLine;
  std::deque<std::string> lines;
  for (int n = 0; n < LogFile::kFiles && lines.size() < count; ++n) {
    std::error_code error;
    if (!fs::is_regular_file(older(file, n), error)) break;
    std::ifstream in(older(file, n), std::ios::binary | std::ios::ate);
    if (!in) break;
    const auto size = static_cast<std::uint64_t>(in.tellg());
    const std::uint64_t begin = size > enough ? size - enough : 0;
    in.seekg(static_cast<std::streamoff>(begin));
    std::string line;
    if (begin > 0) std::getline(in, line);  // the rest of one
    std::deque<std::string> found;
    while (std::getline(in, line)) {
      found.push_back(std::move(line));
      if (found.size() > count) found.pop_front();
    }
    lines.insert(lines.begin(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    if (begin > 0) break;
  }
  while (lines.size() > count) lines.pop_front();
  return {std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end())};
}

}  // namespace prot::supervisor
