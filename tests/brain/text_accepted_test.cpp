// What a text client is told is done, and what it may send again.
#include <doctest/doctest.h>

#include <fstream>

#include "brain/conversation.hpp"
#include "brain/text_journal.hpp"
#include "chat_client.hpp"

using namespace prot;
using namespace prot::test;

TEST_CASE("a text turn is done when memory has it, not before") {
  BrainBench bench({}, {{"turns", 64 * 1024}});
  ChatClient client(bench);
  const std::string much(8000, 'x');
  bool told = true;
  for (int said = 0; told && said < 30; ++said) {  // memory sleeps: the ring fills up
    client.send(R"({"type":"message","id":"m)" + std::to_string(said) + R"(","content":")" + much + "\"}\n");
    bench.advance(60 * kMillisecond);
    bench.model->reply("Yes.");
    bench.work();
    CHECK(client.type() == "chunk");
    told = client.type() == "done";
  }
  CHECK_FALSE(told);
  REQUIRE(bench.run->counter("turns_waiting") > 0);
  bench.sent("turns");
  bench.work();
  CHECK(client.type() == "done");
}

TEST_CASE("what a client sends again is known over the end of a run, and behind a line that was cut off") {
  const TempFolder folder;
  const std::string path = (folder.path() / "brain.text").string();
  const wire::ConversationId conversation = brain::new_conversation_id();
  {
    brain::TextJournal journal(path);
    journal.load();
    journal.accept({"a", conversation, 7, false, {}});
    journal.accept({"b", conversation, 9, false, {}});
    journal.done("a", "Yes.");
  }
  std::ofstream(path, std::ios::app) << R"({"what":"message","id":"c","conv)";
  brain::TextJournal journal(path);
  journal.load();
  REQUIRE(journal.find("a") != nullptr);
  CHECK(journal.find("a")->done);
  CHECK(journal.find("a")->reply == "Yes.");
  REQUIRE(journal.find("b") != nullptr);
  CHECK(journal.find("b")->user_sequence == 9);
  CHECK_FALSE(journal.find("b")->done);
  CHECK(journal.find("c") == nullptr);
}
