#include "record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"

namespace prot::brain {

Record::Record(std::string path) : path_(std::move(path)), off_(::access(path_.c_str(), F_OK) == 0) {}

void Record::set(bool off) {
  if (off == off_) return;
  off_ = off;
  log_info("{}", off ? "off the record: nothing that is said is kept" : "on the record again");
  if (off) {
    const UniqueFd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file || ::fsync(file.get()) != 0) log_error("{}", errno_error("cannot make " + path_).what());
  } else if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    log_error("{}", errno_error("cannot remove " + path_).what());
  }
}

}  // namespace prot::brain
