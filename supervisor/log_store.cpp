#include "log_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/log.hpp"
#include "base/utf8.hpp"

namespace prot::supervisor {
namespace fs = std::filesystem;

LogStore::LogStore(fs::path folder, const Clock& clock) : folder_(std::move(folder)), clock_(&clock) {}

void LogStore::append(const std::string& program, std::string_view bytes) {
  Book& book = books_[program];
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    book.partial.append(piece.substr(0, kLongestLine - std::min(kLongestLine, book.partial.size())));
    if (newline == std::string_view::npos) return;
    bytes.remove_prefix(newline + 1);
    const std::string line = std::move(book.partial);
    book.partial.clear();
    append_line(program, line);
  }
}

void LogStore::append_line(const std::string& program, std::string_view line) {
  Book& book = books_[program];
  const Nanos now = clock_->now();
  if (now - book.second >= kSecond) {
    book.second = now;
    book.lines_in_second = 0;
    if (book.dropped > 0) keep(program, book, fmt::format("({} lines dropped)", book.dropped));
    book.dropped = 0;
  }
  if (++book.lines_in_second > kLinesPerSecond) {
    ++book.dropped;
    return;
  }
  keep(program, book, line);
}

void LogStore::keep(const std::string& program, Book& book, std::string_view text) {
  std::string line = utf8::sanitized(text);
  std::erase_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
  book.bytes += line.size();
  book.lines.push_back({next_number_++, line});
  while (book.bytes > kRingBytes && book.lines.size() > 1) {
    book.bytes -= book.lines.front().text.size();
    book.lines.pop_front();
  }
  write_file(program, book, line + "\n");
  if (follower_) follower_(program, line);
}

void LogStore::write_file(const std::string& program, Book& book, const std::string& line) {
  if (book.file_broken) return;
  if (!book.file || book.file_size + line.size() > kFileBytes) rotate(program, book);
  if (book.file && ::write(book.file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) {
    book.file_size += line.size();
    return;
  }
  book.file_broken = true;
  log_warn("log file of {}: {}; its lines stay in memory only", program, std::strerror(errno));
}

void LogStore::rotate(const std::string& program, Book& book) {
  const fs::path file = folder_ / (program + ".log");
  std::error_code error;
  if (book.file) {  // full
    const auto old = [&](int n) { return file.string() + "." + std::to_string(n); };
    for (int n = kFiles - 2; n >= 1; --n) fs::rename(old(n), old(n + 1), error);
    fs::rename(file, old(1), error);
  }
  fs::create_directories(folder_, error);
  book.file.reset(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  struct stat info {};
  book.file_size =
      book.file && ::fstat(book.file.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

std::vector<std::pair<std::string, std::string>> LogStore::tail(const std::string& program,
                                                                std::size_t count) const {
  std::vector<std::pair<std::uint64_t, std::pair<std::string, std::string>>> found;
  for (const auto& [name, book] : books_) {
    if (!program.empty() && name != program) continue;
    for (const Line& line : book.lines) found.push_back({line.number, {name, line.text}});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::pair<std::string, std::string>> lines;
  for (std::size_t i = found.size() - std::min(count, found.size()); i < found.size(); ++i)
    lines.push_back(std::move(found[i].second));
  return lines;
}

std::string LogStore::last_line(const std::string& program) const {
  const auto book = books_.find(program);
  return book == books_.end() || book->second.lines.empty() ? std::string() : book->second.lines.back().text;
}

std::vector<std::string> tail_of_file(const fs::path& file, std::size_t count) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return {};
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::uint64_t>(in.tellg());
  constexpr std::uint64_t kMost = 256 * 1024;
  in.seekg(static_cast<std::streamoff>(size > kMost ? size - kMost : 0));
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > count) lines.pop_front();
  }
  return {lines.begin(), lines.end()};
}

}  // namespace prot::supervisor
