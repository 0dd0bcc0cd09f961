#include "journal_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"

namespace prot::brain {

void JournalFile::replace(const std::string& content) {
  const std::string next = path_ + ".new";
  const UniqueFd file(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const bool written =
      file && ::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size());
  if (!written || std::rename(next.c_str(), path_.c_str()) != 0) failed("cannot write ");
}

void JournalFile::append(std::string_view line) {
  const UniqueFd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const std::string bytes = std::string(line) + "\n";
  if (!file || ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    failed("cannot append to ");
}

void JournalFile::failed(const char* what) {
  const int error = errno;
  if (!std::exchange(failed_, true)) log_error("{}", errno_error(what + path_, error).what());
}

}  // namespace prot::brain
