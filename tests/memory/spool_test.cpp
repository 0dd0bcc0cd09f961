#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <random>

#include "base/error.hpp"
#include "memory/queue/spool.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

std::vector<std::byte> bytes_of(const std::filesystem::path& path) { return SpoolFile(path).read(); }

template <typename Head>
std::string frame(const Head& head, std::string_view tail) {
  ipc::RecordHeader header{};
  header.length = static_cast<std::uint32_t>(sizeof(head) + tail.size());
  header.kind = static_cast<std::uint8_t>(Head::kKind);
  header.version = Head::kVersion;
  const auto total = static_cast<std::uint32_t>(sizeof(header) + header.length);
  std::string out(4 + sizeof(header) + sizeof(head), '\0');
  std::memcpy(out.data(), &total, 4);
  std::memcpy(out.data() + 4, &header, sizeof(header));
  std::memcpy(out.data() + 4 + sizeof(header), &head, sizeof(head));
  return out.append(tail);
}

std::span<const std::byte> view(const std::string& text) { return wire::as_bytes(text); }

}  // namespace

TEST_CASE("records come back from the spool as they went in") {
  const prot::test::TempFolder folder;
  const std::filesystem::path spool = folder.path() / "spool" / "memory";
  SpoolWriter writer(spool);
  const std::vector<TurnRecord> records = exchange(1, 10, "저는 \"부산\"에 살아요.\n", "Ah.\\");
  writer.append(std::span(records).first(2));
  writer.append(std::span(records).subspan(2));
  writer.close_file();
  const TurnRecord more = end(key(2, 5), "", true);
  writer.append({&more, 1});

  const auto files = spool_files(spool, ".spool");
  REQUIRE(files.size() == 2);
  struct stat status {};
  REQUIRE(::stat(files[0].c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const SpoolContent content = parse_spool(bytes_of(files[0]));
  CHECK_FALSE(content.bad);
  REQUIRE(content.records.size() == 4);
  CHECK(content.records[0].text == records[0].text);
  CHECK(content.records[0].key == records[0].key);
  CHECK(content.records[0].wall_ns == records[0].wall_ns);
  CHECK(content.records[2].segment == 1);
  CHECK(parse_spool(bytes_of(files[1])).records[0].interrupted);
}

TEST_CASE("a record that was cut short ends the file cleanly, damage is noticed") {
  const prot::test::TempFolder folder;
  SpoolWriter writer(folder.path());
  const std::vector<TurnRecord> records = exchange(1, 10, "I live in Busan.", "Ah.");
  writer.append(records);
  const std::vector<std::byte> whole = bytes_of(spool_files(folder.path(), ".spool")[0]);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const SpoolContent cut = parse_spool(std::span(whole).first(size));
    CHECK_FALSE(cut.bad);
    CHECK(cut.records.size() < records.size());
  }
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {  // nothing that was not written comes out
    std::vector<std::byte> damaged = whole;
    damaged[random() % damaged.size()] ^= static_cast<std::byte>(1U << (random() % 8));
    const SpoolContent content = parse_spool(damaged);
    CHECK(content.records.size() < records.size());
    for (std::size_t k = 0; k < content.records.size(); ++k)
      CHECK(content.records[k].text == records[k].text);
  }
}

TEST_CASE("frames of a dead run's ring are read, requests are skipped") {
  wire::UserMessage said{};
  said.conversation = key(1, 0).conversation;
  said.sequence = 10;
  said.channel = wire::Channel::kText;
  wire::RecallRequest asked{};
  wire::ReplyEnd ended{};
  ended.conversation = said.conversation;
  ended.sequence = 11;
  ended.interrupted = 1;
  const std::string file = frame(said, "I like tea.") + frame(asked, "tea?") + frame(ended, "Tea.");
  const SpoolContent content = parse_frames(view(file));
  CHECK_FALSE(content.bad);
  CHECK(content.skipped == 1);
  REQUIRE(content.records.size() == 2);
  CHECK(content.records[0].text == "I like tea.");
  CHECK(content.records[0].channel == wire::Channel::kText);
  CHECK(content.records[1].interrupted);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const SpoolContent cut = parse_frames(view(file).first(size));
    CHECK_FALSE(cut.bad);
    CHECK(cut.records.size() < 2);
  }
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {  // foreign bytes: no crash, no endless loop
    std::string damaged = file;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)parse_frames(view(damaged));
  }
}

TEST_CASE("text is made fit for a database") {
  wire::UserMessage said{};
  const std::string whole = frame(said, std::string("a\0b\xFF\xED\xA0\x80", 7));
  const SpoolContent content = parse_frames(view(whole));
  REQUIRE(content.records.size() == 1);
  CHECK(content.records[0].text.find('\0') == std::string::npos);
  CHECK(content.records[0].text.starts_with("ab\uFFFD"));
}

TEST_CASE("a file that its writer holds is left for later") {
  const prot::test::TempFolder folder;
  const std::filesystem::path path = folder.path() / "x.frames";
  std::ofstream(path) << "abc";
  const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  REQUIRE(::flock(writer.get(), LOCK_EX) == 0);
  CHECK_FALSE(SpoolFile(path).locked());
  REQUIRE(::flock(writer.get(), LOCK_UN) == 0);
  CHECK(SpoolFile(path).locked());
  SpoolFile(path).set_aside();
  CHECK(std::filesystem::exists(path.string() + ".bad"));
}

TEST_CASE("a spool that cannot be written says so") {
  const prot::test::TempFolder folder;
  std::ofstream(folder.path() / "memory") << "a file, no folder";
  SpoolWriter writer(folder.path() / "memory");
  const TurnRecord said = user(key(1, 1), "I like tea.");
  CHECK_THROWS_AS(writer.append({&said, 1}), Error);
}
