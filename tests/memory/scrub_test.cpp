#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "memory/knowledge/facts.hpp"
#include "memory/safety/mentions.hpp"
#include "memory/safety/scrub.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/spool_content.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

struct Fixture {
  void write(const std::filesystem::path& path, const std::string& text) const {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static std::string read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  const prot::test::TempFolder folder;
  const ScrubFolders folders{folder.path() / "state", folder.path() / "run"};
};

}  // namespace

TEST_CASE("a name is mentioned as a word, a Korean one with its particle") {
  CHECK(mentions("anna's cat", "anna"));
  CHECK(mentions("was it anna?", "anna"));
  CHECK(mentions("anna는 자요", "anna"));
  CHECK(mentions("어제 민수는 카카오에 갔다", "민수"));
  CHECK(mentions("“anna” is her name", "anna"));
  CHECK(mentions("she—anna—said", "anna"));
  CHECK(mentions("내친구anna는 자요", "anna"));
  CHECK(mentions("그래，민수가", "민수"));
  CHECK_FALSE(mentions("éanna", "anna"));
  CHECK_FALSE(mentions("annaë", "anna"));
  CHECK_FALSE(mentions("annabel's cat", "anna"));
  CHECK_FALSE(mentions("hosanna", "anna"));
  CHECK_FALSE(mentions("이민수는 다른 사람", "민수"));
  CHECK_FALSE(mentions("anything", ""));
}

TEST_CASE_FIXTURE(Fixture, "a text is overwritten in every file, and nothing else is") {
  const std::string secret = "My \"PIN\" is 1234, do not tell";
  write(folders.state / "said/turns.jsonl",
        "{\"heard\":\"My \\\"PIN\\\" is 1234, do not tell\",\"reply\":\"Fine.\"}\n");
  write(folders.state / "said/chat_history", "hello\n" + secret + "\nbye\n");
  write(folders.state / "said/turns.jsonl.earlier-1", secret);
  write(folders.state / "log/brain.log", "nothing of it\n");
  write(folders.state / "spool/memory/rejected/1.spool", secret);
  write(folders.runtime / "brain.text", "x" + secret + "x");
  write(folders.state / "db/base/1", secret);  // the database's own, PostgreSQL's to tend
  const std::string texts[] = {secret};
  CHECK(scrub_texts(folders, texts) == 5 * secret.size() + 2);
  CHECK(read(folders.state / "said/turns.jsonl") ==
        "{\"heard\":\"" + std::string(secret.size() + 2, '*') + "\",\"reply\":\"Fine.\"}\n");
  CHECK(read(folders.state / "said/chat_history") == "hello\n" + std::string(secret.size(), '*') + "\nbye\n");
  CHECK(read(folders.state / "log/brain.log") == "nothing of it\n");
  CHECK(read(folders.state / "db/base/1") == secret);
  CHECK(scrub_texts(folders, texts) == 0);
}

TEST_CASE_FIXTURE(Fixture, "a file that cannot be written is told of, and the others are cleaned") {
  const std::string secret = "nobody may know of it any more";
  write(folder.path() / "elsewhere", secret);
  std::filesystem::create_directories(folders.state / "said");
  std::filesystem::create_symlink(folder.path() / "elsewhere", folders.state / "said/turns.jsonl");
  write(folders.state / "said/chat_history", secret);
  const std::string texts[] = {secret};
  CHECK_THROWS_WITH_AS(scrub_texts(folders, texts), doctest::Contains("turns.jsonl"), Error);
  CHECK(read(folders.state / "said/chat_history") == std::string(secret.size(), '*'));
  CHECK_THROWS_AS(scrub_everything(folders), Error);
  CHECK(read(folders.state / "said/chat_history").empty());
  CHECK(read(folder.path() / "elsewhere") == secret);
}

TEST_CASE_FIXTURE(Fixture, "a short text counts only as words of their own") {
  write(folders.state / "said/turns.jsonl",
        "{\"heard\":\"tea time\",\"reply\":\"instead of teapots: I like tea\"}");
  const std::string texts[] = {"tea time", "like tea", "I", "of"};
  scrub_texts(folders, texts);
  CHECK(read(folders.state / "said/turns.jsonl") ==
        "{\"heard\":\"********\",\"reply\":\"instead of teapots: I ********\"}");
}

TEST_CASE_FIXTURE(Fixture,
                  "a name is found in capitals or not, at the beginning of words, behind a line break") {
  write(folders.state / "said/turns.jsonl",
        "{\"heard\":\"ANNA and Anna's cat, ÉLODIE\\nanna, hosanna, annabel\",\"reply\":\"anna는 이민수, "
        "민수는\"}");
  const std::string texts[] = {"anna", "élodie", "민수"};
  scrub_texts(folders, texts);
  CHECK(read(folders.state / "said/turns.jsonl") ==
        "{\"heard\":\"**** and ****'s cat, *******\\n****, hosanna, annabel\",\"reply\":\"****는 이민수, "
        "******는\"}");
}

TEST_CASE_FIXTURE(Fixture, "everything: the files are there, and empty") {
  write(folders.state / "said/turns.jsonl", "something");
  write(folders.state / "conversations/2026-11-26.jsonl", "something");
  write(folders.state / "other", "not ours");
  scrub_everything(folders);
  CHECK(read(folders.state / "said/turns.jsonl").empty());
  CHECK(read(folders.state / "conversations/2026-11-26.jsonl").empty());
  CHECK(read(folders.state / "other") == "not ours");
}

TEST_CASE_FIXTURE(Fixture, "a waiting spool gives up what is forgotten and keeps the rest") {
  const std::filesystem::path spool = folder.path() / "spool";
  {
    SpoolWriter writer(spool);
    writer.append(exchange(1, 10, "I live in Busan.", "Ah."));
    writer.append(exchange(1, 20, "I like tea.", "Ah."));
  }
  TurnRecord wish = record(TurnRecord::Kind::kForget, key(1, 10), "");
  wish.last_sequence = 15;
  const std::vector<std::string> texts = forget_in_spool(spool, SpoolForm::kSpool, wish);
  CHECK(std::find(texts.begin(), texts.end(), "I live in Busan.") != texts.end());
  const auto files = spool_files(spool, ".spool");
  REQUIRE(files.size() == 1);
  CHECK(read(files[0]).find("Busan") == std::string::npos);
  const SpoolContent left = content_of(SpoolForm::kSpool, bytes_of(files[0]));
  CHECK_FALSE(left.bad);
  REQUIRE(left.records.size() == 4);
  CHECK(left.records[0].text == "I like tea.");
}

TEST_CASE_FIXTURE(Fixture, "what stands behind a damaged place of a spool outlives a wish to forget") {
  const std::filesystem::path spool = folder.path() / "spool";
  const std::string before = spool_bytes(exchange(1, 10, "I live in Busan.", "Ah."));
  const std::string behind = spool_bytes(exchange(1, 20, "I like tea.", "Ah."));
  write(spool / "1.spool", before + "damaged!" + std::string(20, '\xFF') + behind);
  TurnRecord wish = record(TurnRecord::Kind::kForget, key(1, 10), "");
  wish.last_sequence = 15;
  (void)forget_in_spool(spool, SpoolForm::kSpool, wish);
  const SpoolContent left = content_of(SpoolForm::kSpool, bytes_of(spool / "1.spool"));
  CHECK_FALSE(left.bad);
  REQUIRE(left.records.size() == 4);
  CHECK(left.records[0].text == "I like tea.");
  CHECK(read(spool / "1.spool").find("Busan") == std::string::npos);
}

TEST_CASE("a wish to forget goes through the spool as it is") {
  TurnRecord wish = record(TurnRecord::Kind::kForget, key(3, 10), "");
  wish.last_sequence = 99;
  const TurnRecord back = from_json(to_json(wish));
  CHECK(back.kind == TurnRecord::Kind::kForget);
  CHECK(back.key == wish.key);
  CHECK(back.last_sequence == 99);
}
