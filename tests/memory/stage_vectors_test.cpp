#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "memory/embedders/openai.hpp"
#include "memory/embedders/registry.hpp"
#include "memory/embedders/voyage.hpp"
#include "memory/stores/in_memory.hpp"
#include "memory/stores/ram_vectors.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/embedding_server.hpp"
#include "tests/support/private_run.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using prot::test::EmbeddingServer;
using prot::test::MemoryBench;
using prot::test::Recalled;
using prot::test::served_vector;

namespace {

VectorService service_at(const EmbeddingServer& server) {
  VectorService service;
  service.url = server.url();
  service.model = "m";
  service.rules = {.at_once = 2, .tries = 2, .first_wait = kMillisecond};
  return service;
}

/// prot-memory with a service for vectors; the service says that a text is near to whatever begins with the
/// same letters as served_vector() has it: its own text alone.
struct Fixture {
  EmbeddingServer server;
  MemoryBench bench{make_in_memory_store};
  const wire::ConversationId other = key(9, 0).conversation;

  void start(bool ranked = false) {
    bench.with_model = false;
    bench.dense = [this, ranked] {
      DenseLeg::Parts parts;
      parts.store = std::make_unique<RamVectors>();
      parts.documents = make_openai_embedder(service_at(server));
      parts.questions = make_openai_embedder(service_at(server));
      if (ranked) parts.reranker = make_voyage_reranker(service_at(server));
      parts.ranked = 10;
      parts.first_wait = kMillisecond;
      return parts;
    };
    bench.start();
  }
  bool embedded(std::uint64_t count) {
    // That they are whole is told behind the counts; questions before it are answered by words.
    return bench.until([&] {
      return bench.gauge("vectors") == count && bench.gauge("vectors_pending") == 0 &&
             bench.gauge("vectors_ready") == 1;
    });
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the block by words comes at once, one by vectors when the service has answered") {
  start();
  bench.send(user(key(1, 10), "My sister repairs motorcycles."));
  bench.send(user(key(1, 20), "Her garage is in Busan."));
  CHECK(embedded(2));
  server.set_delay(50);
  // The words find the first; the question's vector is that of the second.
  bench.ask(1, "Her garage is in Busan.", other, 1000);
  CHECK(bench.answer(1).text.find("garage") != std::string::npos);
  CHECK(bench.until([&] { return bench.gauge("recalls_by_vectors") == 1; }));
  const Recalled better = bench.answer(1);
  CHECK(better.text.find("garage") != std::string::npos);
  CHECK(better.text.find("garage") < better.text.find("motorcycles"));
}

TEST_CASE_FIXTURE(Fixture,
                  "a service that is away leaves recall by words, and what waits is made when it is back") {
  server.befall([](auto& connection, auto&) {
    connection.answer("503 Loading", "", "{}");
    return true;
  });
  start();
  bench.send(user(key(1, 10), "My sister repairs motorcycles."));
  CHECK(bench.until([&] { return bench.gauge("vectors_failing") == 1; }));
  bench.ask(1, "What does my sister repair?", other);
  CHECK(bench.answer(1).text.find("motorcycles") != std::string::npos);
  CHECK(bench.gauge("vectors") == 0);
  server.befall({}, 0);
  CHECK(embedded(1));
  CHECK(bench.until([&] { return bench.gauge("vectors_failing") == 0; }));
}

TEST_CASE_FIXTURE(Fixture, "a reranker has the last word, after the block that did not wait for it") {
  start(true);
  bench.send(user(key(1, 10), "My cat likes tuna."));
  bench.send(user(key(1, 20), "My cat likes to sleep in the afternoon, on the red sofa beside the window."));
  CHECK(embedded(2));
  bench.ask(1, "What does my cat like?", other, 1000);
  CHECK(bench.until([&] { return bench.gauge("recalls_by_vectors") == 2; }));
  const Recalled ranked = bench.answer(1);
  CHECK(ranked.text.find("sofa") < ranked.text.find("tuna"));  // the service ranks by length
  CHECK(server.record().last_request.starts_with("POST /v1/rerank "));
}

TEST_CASE_FIXTURE(Fixture, "the end does not wait for a service that hangs") {
  std::atomic<bool> asked = false;
  server.befall([&](auto& connection, auto&) {
    asked = true;
    CHECK(connection.closed_within(10'000));
    return false;
  });
  start();
  bench.send(user(key(1, 10), "My cat likes tuna."));
  CHECK(bench.until([&] { return asked.load(); }));
  bench.end_of_stream();
  CHECK(bench.until([&] { return bench.stage->finished(); }));
  bench.kill();
}

TEST_CASE("under load a service sees at most 128 texts a request and at most 5 requests at once") {
  EmbeddingServer server;
  server.set_delay(10);
  // As memory itself makes them: for what is stored, and for the questions of the moment.
  const SteadyClock clock;
  prot::test::PrivateRun run(
      "memory", clock,
      {"memory.store=ram", "memory.embedder=voyage", "memory.embedding_url=" + server.url()});
  const auto context = run.attach();
  const EmbedderPair pair = make_embedders(*context);
  const auto all_are_served = [](Embedder& embedder, const std::vector<std::string>& texts, TextKind kind) {
    const Embedded embedded = embedder.embed(texts, kind, {});
    CHECK_FALSE(embedded.error.has_value());
    REQUIRE(embedded.vectors.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i)
      REQUIRE(embedded.vectors[i].size() == served_vector(texts[i]).size());
  };
  std::vector<std::string> texts;
  for (int i = 0; i < 6'000; ++i) texts.push_back("text number " + std::to_string(i));
  std::jthread talk([&] {
    for (int i = 0; i < 40; ++i)
      all_are_served(*pair.questions, {"question number " + std::to_string(i)}, TextKind::kQuery);
  });
  all_are_served(*pair.documents, texts, TextKind::kDocument);
  talk.join();
  const EmbeddingServer::Record record = server.record();
  CHECK(record.most_at_once <= 5);
  CHECK(record.most_at_once >= 3);  // else there was no load
  CHECK(*std::max_element(record.batches.begin(), record.batches.end()) == 128);
  CHECK(record.requests == 6'000 / 128 + 1 + 40);
}
