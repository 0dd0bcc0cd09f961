#include "base/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>

#include "base/journal.hpp"

namespace prot {
namespace {

constexpr std::size_t kShortestSecret = 6;

std::atomic<LogLevel> least_level{LogLevel::kInfo};
std::atomic<bool> content_allowed{false};

struct Sink {
  std::mutex mutex;  // guards all below
  std::string topic = "prot";
  int fd = STDERR_FILENO;
  bool json = false;
  bool colour = false;
  bool to_fd = true;
  std::uint32_t generation = 0;
  std::uint64_t dropped = 0;
  std::function<LogTurn()> turn;
  LogObserver observer;
  std::vector<std::string> secrets;
};

// Never destroyed: a detached thread may log while the process ends.
Sink& sink() {
  static Sink& only = *new Sink;
  return only;
}

void hide(const Sink& in, std::string& text) {
  for (const std::string& secret : in.secrets)
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
      text.replace(at, secret.size(), "***");
}

// A pipe takes a line of JSON whole or not at all. A terminal, a file: waits, as people expect it.
bool write_line(const Sink& in, const std::string& line) noexcept {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = ::write(in.fd, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

LogRecord make_record(const Sink& in, LogLevel level, std::string message, std::vector<LogField> fields) {
  LogRecord record;
  record.wall_ns = wall_now();
  record.mono_ns = monotonic_now();
  record.level = level;
  record.stage = in.topic;
  record.pid = ::getpid();
  record.generation = in.generation;
  if (in.turn) {
    const LogTurn turn = in.turn();
    record.turn = turn.began != 0 ? turn.turn : 0;
    record.turn_began = turn.began;
  }
  record.message = std::move(message);
  record.fields = std::move(fields);
  return record;
}

bool write(const Sink& in, const LogRecord& record) {
  if (in.json) return write_line(in, to_json(record) + "\n");
  const std::string_view prefix = in.fd == STDERR_FILENO ? journal_prefix(record.level) : std::string_view();
  return write_line(in, fmt::format("{}{}\n", prefix, to_text(record, in.colour)));
}

void write_record(Sink& in, const LogRecord& record) {
  if (in.dropped > 0) {  // perhaps it flows again
    const std::string count = fmt::format("{} lines dropped", in.dropped);
    if (write(in, make_record(in, LogLevel::kWarn, count, {}))) in.dropped = 0;
  }
  if (!write(in, record)) ++in.dropped;
}

}  // namespace

void set_log_output(int fd, bool json) {
  Sink& in = sink();
  const std::lock_guard lock(in.mutex);
  in.fd = fd;
  in.json = json;
  in.colour = !json && wants_colour(fd);
  // Only a pipe of our own supervisor: the flag is of the open file, which a terminal shares with the shell.
  struct stat info {};
  if (json && ::fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode))
    (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void init_log(std::string_view topic, std::string_view level) {
  const char* format = std::getenv("PROT_LOG_FORMAT");
  set_log_output(STDERR_FILENO, format != nullptr && std::string_view(format) == "json");
  const char* from_environment = std::getenv("LOG_LEVEL");
  if (level.empty() && from_environment != nullptr) level = from_environment;
  set_log_level(log_level_of(level).value_or(LogLevel::kInfo));
  Sink& in = sink();
  const std::lock_guard lock(in.mutex);
  in.topic = topic;
}

void set_log_level(LogLevel level) noexcept { least_level.store(level, std::memory_order_relaxed); }
LogLevel log_level() noexcept { return least_level.load(std::memory_order_relaxed); }
bool log_enabled(LogLevel level) noexcept { return level >= log_level(); }
void set_log_content(bool allowed) noexcept { content_allowed.store(allowed, std::memory_order_relaxed); }
bool log_content_enabled() noexcept { return content_allowed.load(std::memory_order_relaxed); }

void set_log_generation(std::uint32_t generation) {
  Sink& in = sink();
  const std::lock_guard lock(in.mutex);
  in.generation = generation;
}

void set_log_turn(std::function<LogTurn()> source) {
  Sink& in = sink();
  const std::lock_guard lock(in.mutex);
  in.turn = std::move(source);
}

void set_log_observer(LogObserver observer, bool and_stderr) {
  Sink& in = sink();
  const std::lock_guard lock(in.mutex);
  in.to_fd = !observer || and_stderr;
  in.observer = std::move(observer);
}

void hide_in_log(std::string secret) {
  if (secret.size() < kShortestSecret) return;
  Sink& in = sink();
  const std::lock_guard lock(in.mutex);
  in.secrets.push_back(std::move(secret));
}

std::string without_secrets(std::string text) {
  Sink& in = sink();
  const std::lock_guard lock(in.mutex);
  hide(in, text);
  return text;
}

void log_line(LogLevel level, std::string_view message, std::vector<LogField> fields) {
  if (!log_enabled(level)) return;
  Sink& in = sink();
  LogRecord record;
  LogObserver observer;
  {
    const std::lock_guard lock(in.mutex);
    std::string text(message);
    hide(in, text);
    for (LogField& field : fields) hide(in, field.json);
    record = make_record(in, level, std::move(text), std::move(fields));
    observer = in.observer;
    if (in.to_fd) write_record(in, record);
  }
  if (observer) observer(record);
}

}  // namespace prot
