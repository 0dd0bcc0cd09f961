// Log lines: their two forms, the sink that never blocks, what must not appear in them.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "base/utf8.hpp"

namespace prot {
namespace {

LogRecord example() {
  LogRecord record;
  record.wall_ns = 1'769'990'399'123'456'789;  // 2026-02-01 23:59:59 UTC
  record.mono_ns = 5 * kSecond;
  record.stage = "stt";
  record.pid = 77;
  record.generation = 2;
  record.message = "recognised";
  return record;
}

/// A pipe in the place of the supervisor's.
struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
    init_log("stt", "info");
    set_log_output(write_end.get(), true);
  }
  ~Pipe() {
    set_log_content(false);
    init_log("test");
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  std::vector<std::string> lines() const {
    std::string text;
    char buffer[8192];
    for (ssize_t n = 0; (n = ::read(read_end.get(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    std::vector<std::string> found;
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      found.push_back(text.substr(0, end));
    CHECK(text.empty());  // never half of a line
    return found;
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

bool has(const std::string& line, std::string_view part) { return line.find(part) != std::string::npos; }

TEST_CASE("a line of JSON has every field, and those of a turn only within one") {
  LogRecord record = example();
  CHECK(to_json(record) ==
        R"({"ts":"2026-02-01T23:59:59.123456Z","mono_ns":5000000000,"level":"info","stage":"stt","pid":77,)"
        R"("gen":2,"msg":"recognised"})");
  record.turn = 3;
  record.turn_began = 4900 * kMillisecond;
  record.fields = {{"ms", 12}, {"engine", "whisper"}, {"guess", true}};
  CHECK(has(to_json(record), R"("turn":3,"turn_ms":100,"msg")"));
  CHECK(has(to_json(record), R"("fields":{"ms":12,"engine":"whisper","guess":true}})"));
}

TEST_CASE("a line for people is HH:MM:SS.mmm LEVEL [STAGE] message | key=value +ms") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  LogRecord record = example();
  CHECK(to_text(record, false) == "23:59:59.123 INFO [STT] recognised");
  record.fields = {{"ms", 12}, {"engine", "whisper"}, {"why", "two words"}};
  CHECK(to_text(record, false) ==
        "23:59:59.123 INFO [STT] recognised | ms=12 engine=whisper why=\"two words\"");
  record.turn = 3;
  record.turn_began = 4900 * kMillisecond;
  record.fields.clear();
  record.level = LogLevel::kError;
  CHECK(to_text(record, false) == "23:59:59.123 ERROR [STT] recognised | +100ms");
  CHECK(to_text(record, true) == "23:59:59.123 \x1b[1;31mERROR\x1b[0m [STT] recognised | +100ms");
  record.message = "a\x1b[2Jb\nc";
  CHECK(has(to_text(record, false), "a [2Jb c"));
}

TEST_CASE("no line steers a terminal, whoever's words are in it") {
  LogRecord record = example();
  const std::string foreign =
      "a\x7F\xC2\x9B"
      "2Jb\xE2\x80\xAE"
      "c\xE2\x81\xA6"
      "d\x1B[1m\xFF";
  record.message = foreign;
  record.stage = "s\xC2\x9B";
  record.fields = {{"why\xC2\x85", foreign}, LogField::raw("raw", "\"x\xC2\x9B\"")};
  const std::string text = to_text(record, false);
  CHECK(has(text, "a  2Jb c d [1m\xEF\xBF\xBD"));
  const std::string line = to_json(record);
  CHECK(has(line, R"("msg":"a\u007f\u009b2Jb\u202ec\u2066d\u001b[1m)"));
  CHECK(has(line, R"("raw":"x\u009b")"));
  for (const std::string& shown : {text, line})
    for (const char* steering : {"\x7F", "\x1B", "\xC2\x85", "\xC2\x9B", "\xE2\x80\xAE", "\xE2\x81\xA6"})
      CHECK_FALSE(has(shown, steering));
  record.message = "한국어 é 🦊";
  CHECK(has(to_text(record, false), "한국어 é 🦊"));
  CHECK(has(to_json(record), "한국어 é 🦊"));
}

TEST_CASE("no line of JSON is longer than a pipe takes at once, and every one is whole") {
  LogRecord record = example();
  for (const std::string& text :
       {std::string(9000, 'x'), std::string(9000, '\x01'), std::string(3000, '"') + "\xff", [] {
          std::string out;
          for (int i = 0; i < 3000; ++i) utf8::append(out, U'\uD55C');
          return out;
        }()}) {
    record.message = text;
    const std::string line = to_json(record);
    CHECK(line.size() < kLongestLogLine);
    CHECK(line.size() > kLongestLogLine - 20);
    CHECK(utf8::is_valid(line));
    CHECK(line.ends_with("...\"}"));
  }
  record.message = "short";
  record.fields = {{"much", std::string(3000, 'y')}};
  CHECK(has(to_json(record), R"("msg":"short"})"));
}

TEST_CASE_FIXTURE(Pipe, "a pipe that nobody reads costs lines, counted, and never time") {
  const int size = ::fcntl(write_end.get(), F_SETPIPE_SZ, 8192);
  int written = 0;
  while (written < 500) log_info("line {} {}", written++, std::string(200, 'z'));
  const auto kept = lines();
  CHECK(kept.size() < static_cast<std::size_t>(size) / 200);
  CHECK(kept.size() > 10);
  log_info("after");
  const auto later = lines();
  REQUIRE(later.size() == 2);
  CHECK(has(later[0], fmt::format("\"msg\":\"{} lines dropped\"", 500 - kept.size())));
  CHECK(has(later[0], "\"level\":\"warn\""));
  CHECK(has(later[1], "after"));
}

TEST_CASE_FIXTURE(Pipe, "the level can be changed between two lines") {
  log_debug("unseen");
  set_log_level(LogLevel::kDebug);
  log_debug("seen");
  set_log_level(LogLevel::kError);
  log_warn("unseen");
  const auto got = lines();
  REQUIRE(got.size() == 1);
  CHECK(has(got[0], "\"msg\":\"seen\""));
}

TEST_CASE_FIXTURE(Pipe, "a secret is never written, content only when it was asked for, at debug level") {
  hide_in_log("sk-0123456789");
  log_with(LogLevel::kError, {{"header", "Bearer sk-0123456789"}}, "refused: {}", "sk-0123456789!");
  log_content("he said {}", "hello");
  set_log_level(LogLevel::kDebug);
  log_content("he said {}", "hello");
  set_log_content(true);
  log_content("he said {}", "good morning");
  const auto got = lines();
  REQUIRE(got.size() == 2);
  CHECK(has(got[0], R"("msg":"refused: ***!","fields":{"header":"Bearer ***"})"));
  CHECK(has(got[1], "good morning"));
}

TEST_CASE_FIXTURE(Pipe, "generation and turn come from whoever knows them") {
  set_log_generation(4);
  set_log_turn([] { return LogTurn{9, monotonic_now()}; });
  log_info("in a turn");
  set_log_turn({});
  log_info("outside");
  set_log_generation(0);
  const auto got = lines();
  REQUIRE(got.size() == 2);
  CHECK(has(got[0], R"("gen":4,"turn":9,"turn_ms":)"));
  CHECK_FALSE(has(got[1], "turn\":"));
}

TEST_CASE("names of levels") {
  CHECK(log_level_of("WARNING") == LogLevel::kWarn);
  CHECK(log_level_of("debug") == LogLevel::kDebug);
  CHECK_FALSE(log_level_of("loud").has_value());
  CHECK_FALSE(log_level_of("").has_value());
}

}  // namespace
}  // namespace prot
