#include "memory_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "base/error.hpp"
#include "base/scope_exit.hpp"

namespace prot::supervisor {
namespace {

constexpr std::size_t kMostRows = 200;
constexpr std::size_t kMostBytes = 1U << 20U;  // of one request, more or less

void write_all(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error("cannot write " + name);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::size_t write_rows(MemoryLink& link, const char* of, int fd, const std::string& name) {
  std::size_t count = 0;
  for (std::int64_t after = 0; after >= 0;) {
    const json::Document page =
        link.call(fmt::format(R"({{"cmd":"export","of":"{}","after":{}}})", of, after));
    const json::View rows = page.get("rows");
    std::string text;
    for (std::size_t i = 0; i < rows.size(); ++i) text += rows.at(i).to_json() + "\n";
    write_all(fd, text, name);
    count += rows.size();
    after = page.get("next").as_int(-1);
  }
  return count;
}

struct Sums {
  std::int64_t messages = 0;
  std::int64_t facts = 0;
  std::int64_t forgotten = 0;
  void add(const json::Document& reply) {
    messages += reply.get("messages").as_int();
    facts += reply.get("facts").as_int();
    forgotten += reply.get("forgotten").as_int();
  }
};

void send_rows(MemoryLink& link, std::string& rows, const std::string& where, bool more, Sums& sums) {
  try {
    sums.add(link.call(fmt::format(R"({{"cmd":"import","more":{},"rows":[{}]}})", more, rows)));
  } catch (const Error& e) {
    throw Error(where + ": " + e.what(), e.exit_code());
  }
  rows.clear();
}

void import_lines(MemoryLink& link, const std::string& name, Sums& sums) {
  std::ifstream file(name);
  if (!file) throw errno_error("cannot read " + name);
  std::string rows;
  std::size_t number = 0;
  std::size_t first = 1;
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      if (line.size() > kMostBytes) throw UsageError("longer than 1 MiB");
      if (!json::parse(line).root().is_object()) throw UsageError("no JSON object");
    } catch (const Error& e) {
      throw UsageError(fmt::format("{}:{}: {}", name, number, e.what()));
    }
    rows += (rows.empty() ? "" : ",") + line;
    if (++count < kMostRows && rows.size() < kMostBytes) continue;
    send_rows(link, rows, fmt::format("{}, lines {} to {}", name, first, number), true, sums);
    first = number + 1;
    count = 0;
  }
  if (file.bad()) throw errno_error("cannot read " + name);
  send_rows(link, rows, fmt::format("{}, lines {} to {}", name, first, number), false, sums);
}

}  // namespace

int export_memory(MemoryLink& link, const std::string& file) {
  const bool plain = file.empty() || file == "-";
  const std::string part = file + ".part";
  const UniqueFd made(
      plain ? -1 : ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!plain && !made) throw errno_error("cannot make " + part);
  ScopeExit remove([&] { ::unlink(plain ? "" : part.c_str()); });
  const int fd = plain ? STDOUT_FILENO : made.get();
  const std::string& name = plain ? "standard output" : part;
  const std::size_t messages = write_rows(link, "messages", fd, name);
  const std::size_t facts = write_rows(link, "facts", fd, name);
  for (const char* rest : {"entities", "successions", "merges", "communities"})
    (void)write_rows(link, rest, fd, name);
  if (!plain && (::fsync(fd) != 0 || std::rename(part.c_str(), file.c_str()) != 0))
    throw errno_error("cannot write " + file);
  fmt::print(stderr, "prot: {} messages, {} facts\n", messages, facts);
  return 0;
}

int import_memory(MemoryLink& link, const std::string& file, bool json) {
  Sums sums;
  if (file.empty()) {
    sums.add(link.call(R"({"cmd":"import","original":true})"));
  } else {
    try {
      import_lines(link, file, sums);
    } catch (const Error&) {
      // What came before the wrong line is there, and is to be found.
      if (sums.messages + sums.facts > 0) (void)link.call(R"({"cmd":"import","rows":[]})");
      throw;
    }
  }
  if (json) {
    fmt::print("{{\"ok\":true,\"messages\":{},\"facts\":{},\"forgotten\":{}}}\n", sums.messages, sums.facts,
               sums.forgotten);
  } else {
    fmt::print(
        "{} messages and {} facts are new{}\n", sums.messages, sums.facts,
        sums.forgotten > 0 ? fmt::format("; {} messages were forgotten, and stay so", sums.forgotten) : "");
  }
  return 0;
}

}  // namespace prot::supervisor
