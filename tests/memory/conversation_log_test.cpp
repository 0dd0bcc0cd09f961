#include "memory/queue/conversation_log.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "json/json.hpp"
#include "memory/queue/database_task.hpp"
#include "memory/stores/in_memory.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

struct Fixture {
  void say(ConversationLog& log, const std::string& text, Nanos at = kNoon) const {
    const Message one = message(1, 10, Role::kUser, text, at);
    log.append({&one, 1});
  }
  [[nodiscard]] std::vector<std::filesystem::path> files() const { return files_in(path); }

  const prot::test::TempFolder folder;
  const std::filesystem::path path = folder.path() / "conversations";
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the conversation log has a file a day, for its owner, and each message once") {
  const std::vector<Message> said = {message(1, 10, Role::kUser, "안녕 \"프롯\"\n둘째 줄", kNoon),
                                     message(1, 11, Role::kAssistant, "Hello.", kNoon + 250 * kMillisecond)};
  ConversationLog log(path, {});
  log.append(said);
  log.append(said);                        // from the ring once more
  ConversationLog(path, {}).append(said);  // and after a restart
  say(log, "Next day.", kNoon + kDay);
  REQUIRE(files().size() == 2);
  const auto lines = lines_of(files()[0]);
  REQUIRE(lines.size() == 2);
  const json::Document first = json::parse(lines[0]);
  CHECK(first.get("role").as_string() == "user");
  CHECK(first.get("content").as_string() == "안녕 \"프롯\"\n둘째 줄");
  CHECK(first.root().size() == 3);
  const std::string second(json::parse(lines[1]).get("timestamp").as_string());
  CHECK(second.substr(0, 10) == files()[0].stem().string());
  CHECK(second.substr(19, 4) == ".250");
  CHECK((second[23] == '+' || second[23] == '-'));
  CHECK(second[26] == ':');
  struct stat info {};
  REQUIRE(::stat(files()[0].c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600U);
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0700U);
}

TEST_CASE_FIXTURE(Fixture, "old days of the conversation log go by age and by size, other files stay") {
  std::filesystem::create_directories(path);
  std::ofstream(path / "notes.jsonl") << "mine";
  ConversationLog::Limits limits;
  SUBCASE("age") { limits.days = 2; }
  SUBCASE("size") { limits.bytes = 240; }
  ConversationLog log(path, limits);
  for (int day = 0; day < 4; ++day) say(log, std::string(40, 'x'), kNoon + day * kDay);
  const auto left = files();
  REQUIRE(left.size() == 3);
  CHECK(left[2].filename() == "notes.jsonl");
  // A day alone may not outgrow all of it; the next one is written again.
  if (limits.days == 0) {
    say(log, std::string(300, 'y'), kNoon + 3 * kDay + 1);
    CHECK(lines_of(files()[1]).size() == 1);
    say(log, "z", kNoon + 4 * kDay);
    CHECK(lines_of(files()[1]).size() == 1);
  }
}

TEST_CASE_FIXTURE(Fixture, "a line that was cut short is cut off, and comes again") {
  {
    ConversationLog log(path, {});
    say(log, "whole");
    say(log, "torn", kNoon + kSecond);
  }
  const auto file = files().at(0);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 5);
  ConversationLog log(path, {});
  say(log, "torn", kNoon + kSecond);
  const auto lines = lines_of(file);
  REQUIRE(lines.size() == 2);
  CHECK(json::parse(lines[1]).get("content").as_string() == "torn");
}

TEST_CASE_FIXTURE(Fixture, "where nothing can be written the log is left out until it can") {
  std::ofstream(path.string()) << "in the way";
  ConversationLog log(path, {});
  say(log, "lost");
  std::filesystem::remove(path);
  say(log, "kept", kNoon + kSecond);
  REQUIRE(files().size() == 1);
  CHECK(lines_of(files()[0]).size() == 1);
  // Nor through a link.
  const auto file = files()[0];
  std::filesystem::rename(file, folder.path() / "elsewhere");
  std::filesystem::create_symlink(folder.path() / "elsewhere", file);
  say(log, "not there", kNoon + 2 * kSecond);
  CHECK(lines_of(folder.path() / "elsewhere").size() == 1);
}

TEST_CASE_FIXTURE(
    Fixture,
    "what memory keeps is in the conversation log, also while the database is away, until it is "
    "forgotten") {
  InMemoryStore store;
  DatabaseTask::Folders folders{
      folder.path() / "spool/memory", folder.path() / "spool/brain", {folder.path(), folder.path() / "run"}};
  folders.log = path;
  DatabaseTask task(store, folders, [] { return kNoon; });
  std::vector<Told> told;
  std::uint64_t frame = 0;
  const auto tell = [&](std::vector<TurnRecord> records) {
    std::vector<Ask> asks;
    for (TurnRecord& record : records) asks.emplace_back(ask::Store{++frame, std::move(record)});
    task.handle(std::move(asks), told);
  };
  task.tick(kSecond, told);
  tell(exchange(1, 10, "My favourite colour is teal.", "Fine."));
  store.set_away(true);
  tell(exchange(1, 20, "I like tea.", "Good."));
  store.set_away(false);
  task.tick(100 * kSecond, told);
  REQUIRE(files().size() == 1);
  REQUIRE(lines_of(files()[0]).size() == 4);
  TurnRecord wish = record(TurnRecord::Kind::kForget, key(1, 10), "");
  wish.last_sequence = 11;
  tell({wish});
  tell(exchange(1, 30, "I like cake.", "Good."));
  const auto lines = lines_of(files()[0]);
  REQUIRE(lines.size() == 6);
  CHECK(json::parse(lines[0]).get("content").as_string() == std::string(28, '*'));
  CHECK(json::parse(lines[2]).get("content").as_string() == "I like tea.");
  CHECK(json::parse(lines[5]).get("content").as_string() == "Good.");
}
