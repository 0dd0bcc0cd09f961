#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <sys/resource.h>
#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>

#include "base/error.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/spool_content.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

template <typename Head>
std::string frame(const Head& head, std::string_view tail) {
  ipc::RecordHeader header{};
  header.length = static_cast<std::uint32_t>(sizeof(head) + tail.size());
  header.kind = static_cast<std::uint8_t>(Head::kKind);
  header.version = Head::kVersion;
  std::string body(sizeof(header) + sizeof(head), '\0');
  std::memcpy(body.data(), &header, sizeof(header));
  std::memcpy(body.data() + sizeof(header), &head, sizeof(head));
  std::string out;
  ipc::append_record(out, wire::as_bytes(body.append(tail)));
  return out;
}

SpoolContent parse_spool(std::span<const std::byte> bytes) { return content_of(SpoolForm::kSpool, bytes); }
SpoolContent parse_frames(std::span<const std::byte> bytes) { return content_of(SpoolForm::kFrames, bytes); }

std::span<const std::byte> view(const std::string& text) { return wire::as_bytes(text); }

bool same(const TurnRecord& a, const TurnRecord& b) {
  return a.kind == b.kind && a.key == b.key && a.segment == b.segment && a.text == b.text;
}

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
  for (int i = 0; i < 2000; ++i) {  // nothing that was not written comes out, and only what was hit is gone
    std::vector<std::byte> damaged = whole;
    damaged[random() % damaged.size()] ^= static_cast<std::byte>(1U << (random() % 8));
    const SpoolContent content = parse_spool(damaged);
    REQUIRE(content.records.size() == records.size() - 1);
    std::size_t next = 0;
    for (const TurnRecord& record : content.records) {
      while (next < records.size() && !same(record, records[next])) ++next;
      CHECK(next++ < records.size());
    }
  }
}

TEST_CASE("what stands behind a damaged place is not lost with it, however long the file and the place") {
  std::vector<TurnRecord> records;
  for (std::uint64_t i = 0; i < 400; ++i)
    records.push_back(user(key(1, i), std::string(10'000, 'x') + std::to_string(i)));
  const std::string good = spool_bytes(records);
  std::mt19937 random(3);
  std::string noise(3'000'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const std::string file = good + noise + good + std::string(5000, '\0') + good;
  SpoolReader reader(SpoolForm::kSpool, ipc::RecordReader(view(file)));
  std::size_t count = 0;
  while (true) {
    const std::vector<TurnRecord> some = reader.next(7);
    if (some.empty()) break;
    for (const TurnRecord& record : some) CHECK(same(record, records[count++ % records.size()]));
  }
  CHECK(count == 3 * records.size());
  CHECK(reader.problem().starts_with("3005000 bytes from byte " + std::to_string(good.size())));
}

TEST_CASE("a disk that is full in the middle of a record costs nothing that was accepted") {
  const prot::test::TempFolder folder;
  SpoolWriter writer(folder.path());
  const std::vector<TurnRecord> first = exchange(1, 10, "I live in Busan.", "Ah.");
  const std::vector<TurnRecord> second = exchange(1, 20, std::string(5000, 'y'), "Ah.");
  writer.append(first);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto deaf = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{2000, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  CHECK_THROWS_AS(writer.append(second), Error);  // told: they are not kept
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  (void)std::signal(SIGXFSZ, deaf);
  writer.append(second);
  std::size_t whole = 0;
  for (const auto& path : spool_files(folder.path(), ".spool")) {
    const SpoolContent content = parse_spool(bytes_of(path));
    CHECK_FALSE(content.bad);
    whole += content.records.size();
  }
  CHECK(whole == first.size() + second.size());
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
  for (int i = 0; i < 2000; ++i) {  // a bit that fell over makes no other message
    std::string damaged = file;
    damaged[random() % damaged.size()] ^= static_cast<char>(1U << (random() % 8));
    const SpoolContent left = parse_frames(view(damaged));
    CHECK(left.records.size() + left.skipped == 2);
    for (const TurnRecord& record : left.records)
      CHECK((same(record, content.records[0]) || same(record, content.records[1])));
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

TEST_CASE("files stand in the order in which they were written, also when the clock goes back") {
  const prot::test::TempFolder folder;
  for (const char* later :
       {"09000000000000000000.spool", "no number.spool", "09223372036854775807.spool.bad"})
    std::ofstream(folder.path() / later) << "";
  SpoolWriter writer(folder.path());
  for (std::uint64_t i = 1; i <= 2; ++i) {
    const TurnRecord said = user(key(1, i), "I like tea.");
    writer.append({&said, 1});
    writer.close_file();
  }
  const auto files = spool_files(folder.path(), ".spool");
  REQUIRE(files.size() == 4);
  CHECK(files[0].filename() == "09000000000000000000.spool");
  CHECK(files[1].filename() == "09000000000000000001.spool");
  CHECK(files[2].filename() == "09000000000000000002.spool");
  CHECK(content_of(SpoolForm::kSpool, bytes_of(files[1])).records.at(0).key.sequence == 1);
}

TEST_CASE("a spool that cannot be written says so") {
  const prot::test::TempFolder folder;
  std::ofstream(folder.path() / "memory") << "a file, no folder";
  SpoolWriter writer(folder.path() / "memory");
  const TurnRecord said = user(key(1, 1), "I like tea.");
  CHECK_THROWS_AS(writer.append({&said, 1}), Error);
}

// One such record would have kept all others behind it from the database.
TEST_CASE("a record that no database would take is counted, and does not come out of its file") {
  const std::string id = "00000000-0000-0001-0000-000000000002";
  CHECK(
      from_json(R"({"kind":1,"conversation":")" + id + R"(","seq":5,"wall_ns":-7,"text":"a\u0000b"})").text ==
      "ab");
  CHECK(from_json(R"({"kind":1,"conversation":")" + id + R"(","seq":5,"wall_ns":-7,"text":""})").wall_ns ==
        0);
  for (const char* numbers :
       {R"("seq":-1,"segment":0,"last":0)", R"("seq":1,"segment":-1,"last":0)",
        R"("seq":1,"segment":2147483648,"last":0)", R"("seq":1,"segment":0,"last":-1)"}) {
    CAPTURE(numbers);
    CHECK_THROWS_AS(
        (void)from_json(R"({"kind":2,"conversation":")" + id + R"(",)" + numbers + R"(,"text":"x"})"), Error);
  }
}
