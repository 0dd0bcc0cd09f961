#include "queue/conversation_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/local_tm.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "base/unique_fd.hpp"
#include "extraction/dates.hpp"
#include "json/json.hpp"

namespace prot::memory {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kRemembered = 512;  // lines: more than frames that may come again
constexpr std::size_t kDayLength = 10;

std::string zone_of(const std::tm& parts) {
  char text[16];
  std::string zone(text, std::strftime(text, sizeof text, "%z", &parts));
  if (zone.size() > 3) zone.insert(3, ":");
  return zone;
}

/// "2026-11-26T08:59:59.250+09:00"
std::string timestamp(Nanos wall) {
  const std::tm parts = local_tm(wall);
  const std::string millis = std::to_string(1000 + wall / kMillisecond % 1000).substr(1);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
  return std::string(text, size) + millis + zone_of(parts);
}

std::string line_of(const Message& message) {
  json::Writer out;
  out.begin_object().member("timestamp", timestamp(message.at_ns));
  return out.member("role", to_string(message.role)).member("content", message.text).end_object().str();
}

/// The oldest first. Other people's files are not among them.
std::vector<fs::path> day_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.size() == kDayLength + 6 && name.ends_with(".jsonl") && name[4] == '-' && name[7] == '-')
      files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

UniqueFd open_file(const fs::path& path) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw errno_error("cannot open " + path.string());
  return file;
}

}  // namespace

void ConversationLog::append(std::span<const Message> messages) {
  try {
    for (const Message& message : messages)
      if (!message.text.empty()) append(message);
    failed_ = false;
  } catch (const Error& e) {
    if (!std::exchange(failed_, true)) log_error("the conversation log: {}", e.what());
  }
}

void ConversationLog::append(const Message& message) {
  if (const std::string day = iso_date(message.at_ns); day != day_) open(day);
  const std::string line = line_of(message);
  if (std::find(newest_.begin(), newest_.end(), line) != newest_.end()) return;
  const fs::path path = folder_ / (day_ + ".jsonl");
  const UniqueFd file = open_file(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw errno_error("cannot look at " + path.string());
  const std::string bytes = line + "\n";
  if (static_cast<std::uint64_t>(status.st_size) + bytes.size() > limits_.bytes)
    throw Error(path.string() + " is full (memory.conversation_log_mib)");
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    const Error error = errno_error("cannot write " + path.string());
    if (::ftruncate(file.get(), status.st_size) != 0) day_.clear();  // the next one cuts it off
    throw Error(error);
  }
  newest_.push_back(line);
  if (newest_.size() > kRemembered) newest_.pop_front();
  total_ += bytes.size();
  if (total_ > limits_.bytes) drop_old();
}

void ConversationLog::read_again() noexcept {
  day_.clear();
  newest_.clear();
}

void ConversationLog::open(const std::string& day) {
  read_again();
  make_private_directory(folder_);
  const fs::path path = folder_ / (day + ".jsonl");
  std::ifstream file(path);
  std::uint64_t whole = 0;
  for (std::string line; std::getline(file, line) && !file.eof();) {
    whole += line.size() + 1;
    newest_.push_back(std::move(line));
    if (newest_.size() > kRemembered) newest_.pop_front();
  }
  // A process that was killed has left a line without its end; its message comes again.
  if (file.is_open() && whole < size_of(path) &&
      ::ftruncate(open_file(path).get(), static_cast<off_t>(whole)) != 0)
    throw errno_error("cannot cut " + path.string());
  day_ = day;
  drop_old();
}

void ConversationLog::drop_old() {
  std::vector<fs::path> files = day_files(folder_);
  std::tm first{};
  (void)::strptime(day_.c_str(), "%Y-%m-%d", &first);
  first.tm_mday -= limits_.days - 1;
  first.tm_hour = 12;
  first.tm_isdst = -1;
  const std::string oldest = iso_date(static_cast<Nanos>(::mktime(&first)) * kSecond);
  total_ = 0;
  for (const fs::path& path : files) total_ += size_of(path);
  for (const fs::path& path : files) {
    const std::string day = path.stem().string();
    const bool late = limits_.days > 0 && day < oldest;
    if ((!late && total_ <= limits_.bytes) || day == day_) continue;
    total_ -= size_of(path);
    std::error_code error;
    if (!fs::remove(path, error)) log_warn("the conversation log: cannot remove {}", path.string());
  }
}

}  // namespace prot::memory
