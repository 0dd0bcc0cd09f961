// Lines of the programs: put together, understood, kept in memory and in files, whatever the disk does.
#include "log_store.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/log.hpp"
#include "json/json.hpp"
#include "log_line.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

struct Store {
  Store() {
    char name[] = "/tmp/prot-log-test-XXXXXX";
    folder = fs::path(::mkdtemp(name)) / "log";
    logs.emplace(folder, clock);
  }
  ~Store() { fs::remove_all(folder.parent_path()); }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  fs::path file(const std::string& program) const { return folder / (program + ".log"); }
  std::vector<std::string> messages(const std::string& program, std::size_t count = 100'000) const {
    std::vector<std::string> found;
    for (const std::string& line : logs->tail(program, count)) found.push_back(message_of(line));
    return found;
  }
  static std::vector<std::string> messages_in(const fs::path& log) {
    std::vector<std::string> found;
    for (const std::string& line : tail_of_log(log, 100'000)) found.push_back(message_of(line));
    return found;
  }
  static std::string message_of(const std::string& line) {
    const auto record = parse_log_line(line);
    REQUIRE_MESSAGE(record.has_value(), line);
    return record->message;
  }

  fs::path folder;
  FakeClock clock;
  std::optional<LogStore> logs;
};
using Lines = std::vector<std::string>;

std::string machine_line(const std::string& message) {
  LogRecord record;
  record.wall_ns = wall_now();
  record.mono_ns = 77;
  record.level = LogLevel::kWarn;
  record.stage = "pretender";
  record.pid = 1;
  record.message = message;
  record.turn = 5;
  record.turn_began = 7;
  record.fields = {{"ms", 12}, {"engine", "whisper"}};
  return to_json(record);
}

TEST_CASE_FIXTURE(Store, "lines cut by the pipe come out whole, in the order of time over all programs") {
  logs->append("stt", "first li");
  logs->append("tts", "other\n");
  clock.advance(kMillisecond);
  logs->append("stt", "ne\nsecond\n");
  CHECK(messages("") == Lines{"other", "first line", "second"});
  CHECK(messages("stt", 1) == Lines{"second"});
  CHECK(logs->last_line("stt") == "second");
  CHECK(messages_in(file("stt")) == Lines{"first line", "second"});
}

TEST_CASE_FIXTURE(Store, "a stage's own line keeps its values, but who it is says the supervisor") {
  logs->set_process("stt", 4711, 3);
  logs->append("stt", machine_line("hello") + "\n");
  const auto record = parse_log_line(logs->tail("stt", 1).front());
  REQUIRE(record.has_value());
  CHECK(record->stage == "stt");
  CHECK(record->pid == 4711);
  CHECK(record->generation == 3);
  CHECK(record->level == LogLevel::kWarn);
  CHECK(record->mono_ns == 77);
  CHECK(record->turn == 5);
  CHECK(to_json(*record).ends_with(R"("msg":"hello","fields":{"ms":12,"engine":"whisper"}})"));
}

TEST_CASE_FIXTURE(Store, "lines in other words are taken as they come") {
  logs->append("db", "2026-01-01 00:00:00 UTC [1] LOG:  started\n2026 [1] FATAL:  no space\n");
  logs->append("llm", R"({"ts":"never","msg":"no line of ours"})"
                      "\n\xff\x01{\n");
  const auto levels = [&](const std::string& program) {
    std::string out;
    for (const std::string& line : logs->tail(program, 9)) out += to_string(parse_log_line(line)->level)[0];
    return out;
  };
  CHECK(levels("db") == "ie");
  CHECK(levels("llm") == "ii");
  CHECK(messages("llm").back() == "\xef\xbf\xbd\x01{");
  CHECK(level_of_foreign("crash: SIGSEGV (code 1) at 0x0, thread 1") == LogLevel::kError);
  CHECK(level_of_foreign("no error: all is well") == LogLevel::kInfo);
  CHECK(level_of_foreign("2026 [1] FATAL:  the database system is starting up") == LogLevel::kInfo);
}

TEST_CASE("times that no clock of ours gives are none") {
  const auto line = [](const std::string& year, const std::string& numbers) {
    return R"({"ts":")" + year + R"(-01-01T00:00:00.000001Z","level":"info","msg":"x",)" + numbers + "}";
  };
  for (const char* year : {"0001", "1969", "2263", "9999"})
    CHECK_FALSE(parse_log_line(line(year, R"("mono_ns":1)")).has_value());
  REQUIRE(parse_log_line(line("2026", R"("mono_ns":5000000,"turn_ms":2)")).has_value());
  CHECK(parse_log_line(line("2026", R"("mono_ns":5000000,"turn_ms":2)"))->turn_began == 3000000);
  for (const char* turn_ms : {"6", "-1", "9223372036854775807"})
    CHECK(
        parse_log_line(line("2026", std::string(R"("mono_ns":5000000,"turn_ms":)") + turn_ms))->turn_began ==
        0);
}

TEST_CASE_FIXTURE(Store, "a last line without an end belongs to the process that wrote it") {
  logs->set_process("stt", 10, 1);
  logs->append("stt", "terminate called af");
  logs->set_process("stt", 11, 2);
  logs->append("stt", "ready\n");
  const auto lines = logs->tail("stt", 9);
  REQUIRE(lines.size() == 2);
  CHECK(parse_log_line(lines[0])->generation == 1);
  CHECK(message_of(lines[0]) == "terminate called af");
  CHECK(parse_log_line(lines[1])->generation == 2);
}

TEST_CASE_FIXTURE(Store, "a flood is dropped and counted, memory stays bounded") {
  for (unsigned i = 0; i < LogStore::kLinesPerSecond + 500; ++i)
    logs->append_line("stt", std::string(100, 'x'));
  clock.advance(2 * kSecond);
  logs->append_line("stt", "after");
  CHECK(messages("stt", 2) == Lines{"500 lines dropped: too many", "after"});
  std::size_t bytes = 0;
  for (const std::string& line : logs->tail("stt", 100'000)) bytes += line.size();
  CHECK(bytes <= LogStore::kRingBytes);
  CHECK(bytes > LogStore::kRingBytes / 2);
}

TEST_CASE_FIXTURE(Store, "a full file is moved aside between two lines, and there are never more than five") {
  const std::string text(3900, 'y');
  constexpr int kLines = 6 * static_cast<int>(LogFile::kBytes / 4000);
  for (int i = 0; i < kLines; ++i) {
    if (i % 1000 == 0) clock.advance(2 * kSecond);
    logs->append_line("stt", text + std::to_string(i));
  }
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    ++files;
    CHECK(entry.file_size() <= LogFile::kBytes);
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) REQUIRE(parse_log_line(line).has_value());
  }
  CHECK(files == LogFile::kFiles);
  const Lines newest = messages_in(file("stt"));  // runs over into the files before
  CHECK(newest.size() > LogFile::kBytes / 4200);
  CHECK(newest.back() == text + std::to_string(kLines - 1));
  CHECK(tail_of_log(file("stt"), 2'700).size() == 2'700);
}

TEST_CASE_FIXTURE(Store, "a removed file is made anew, at once and with its folder") {
  logs->append_line("stt", "one");
  fs::remove_all(folder);
  logs->append_line("stt", "two");
  CHECK(messages_in(file("stt")) == Lines{"two"});
  CHECK(messages("stt") == Lines{"one", "two"});
}

TEST_CASE_FIXTURE(Store, "what a full disk refuses is said once, stays in memory, and is written later") {
  fs::create_directories(folder);
  for (const char* program : {"stt", "tts"}) fs::create_symlink("/dev/full", file(program));
  for (const char* text : {"one", "two"}) {
    logs->append_line("stt", text);
    logs->append_line("tts", text);
    clock.advance(2 * kSecond);
  }
  CHECK(messages("stt") == Lines{"one", "two"});
  REQUIRE(messages("supervisor").size() == 1);
  CHECK(messages("supervisor")[0].find("stt.log: No space left on device; ") != std::string::npos);
  for (const char* program : {"stt", "tts"}) fs::remove(file(program));
  clock.advance(2 * kSecond);
  logs->append_line("stt", "three");
  CHECK(messages_in(file("tts")).empty());
  logs->retry();  // also without a new line
  CHECK(messages_in(file("tts")) == Lines{"one", "two"});
  logs->append_line("tts", "three");
  CHECK(messages_in(file("stt")) == Lines{"one", "two", "three"});
  CHECK(messages_in(file("tts")) == Lines{"one", "two", "three"});
  REQUIRE(messages("supervisor").size() == 2);
  CHECK(messages("supervisor")[1] == "log files are written again; 0 lines are missing in them");
}

TEST_CASE_FIXTURE(Store, "lines that leave the memory unwritten are counted") {
  fs::create_directories(folder.parent_path());
  std::ofstream(folder) << "a file where the folder should be";
  for (int i = 0; i < 1000; ++i) logs->append_line("stt", std::string(200, 'z'));
  const std::size_t kept = messages("stt").size();
  CHECK(kept < 1000);
  fs::remove(folder);
  clock.advance(2 * kSecond);
  logs->append_line("stt", "again");
  logs->append_line("supervisor", "a line, so that its own file mends too");
  CHECK(messages_in(file("stt")).size() == kept + 1);
  const Lines said = messages("supervisor");
  CHECK(std::count(said.begin(), said.end(),
                   fmt::format("log files are written again; {} lines are missing in them", 1000 - kept)) ==
        1);
}

TEST_CASE_FIXTURE(Store, "half of a line never stays in a file") {
  logs->append_line("stt", "whole");
  const auto size = static_cast<rlim_t>(fs::file_size(file("stt")));
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{size + 20, before.rlim_max};  // the next write fits in part
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  logs->append_line("stt", "cut");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(fs::file_size(file("stt")) == size);
  clock.advance(2 * kSecond);
  logs->append_line("stt", "later");
  CHECK(messages_in(file("stt")) == Lines{"whole", "cut", "later"});
}

TEST_CASE_FIXTURE(Store, "no secret gets into memory or file, in whoever's words") {
  hide_in_log("sk-store-0123456789");
  logs->append("llm", "auth with sk-store-0123456789 failed\n");
  logs->append_line("supervisor", "key sk-store-0123456789");
  CHECK(messages("llm") == Lines{"auth with *** failed"});
  CHECK(messages("supervisor") == Lines{"key ***"});
  for (const char* program : {"llm", "supervisor"}) {
    std::ifstream in(file(program));
    const std::string text(std::istreambuf_iterator<char>(in), {});
    CHECK(text.find("sk-store") == std::string::npos);
    CHECK(text.find("***") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Store, "a follower gets every line as it is kept") {
  Lines got;
  logs->set_follower([&](const LogRecord& record, const std::string& json) {
    got.push_back(record.stage + ":" + record.message);
    CHECK(parse_log_line(json).has_value());
  });
  logs->append("stt", "a\nb\n");
  logs->append_line("supervisor", "c");
  CHECK(got == Lines{"stt:a", "stt:b", "supervisor:c"});
}

}  // namespace
}  // namespace prot::supervisor
