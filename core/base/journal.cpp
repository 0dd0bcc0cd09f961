#include "base/journal.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace prot {
namespace {

bool look() noexcept {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  unsigned long device = 0;
  unsigned long inode = 0;
  return stream != nullptr && std::sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
         ::fstat(STDERR_FILENO, &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

}  // namespace

bool stderr_is_journal() noexcept {
  static const bool journal = look();
  return journal;
}

std::string_view journal_prefix(LogLevel level) noexcept {
  if (!stderr_is_journal()) return {};
  switch (level) {
    case LogLevel::kDebug:
      return "<7>";
    case LogLevel::kInfo:
      return "<6>";
    case LogLevel::kWarn:
      return "<4>";
    case LogLevel::kError:
      return "<3>";
  }
  return {};
}

}  // namespace prot
