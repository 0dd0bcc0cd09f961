// How long memory waits for its services: as the configuration says, each with a key of its own.
#include <doctest/doctest.h>

#include <chrono>
#include <semaphore>

#include "memory/registry.hpp"
#include "tests/core/http/loopback_server.hpp"
#include "tests/support/private_run.hpp"

using namespace prot;
using namespace prot::memory;

namespace {

/// A service that takes requests and answers none.
class SilentService {
 public:
  [[nodiscard]] std::string url() const { return server_.url("/v1"); }
  /// Nobody needs to ask again.
  [[nodiscard]] std::stop_token enough() const { return enough_.get_token(); }
  /// Until the client gave its first request up.
  [[nodiscard]] Nanos waited() {
    REQUIRE(known_.try_acquire_for(std::chrono::seconds(10)));
    return waited_;
  }

 private:
  std::atomic<int> requests_ = 0;
  Nanos waited_ = 0;
  std::binary_semaphore known_{0};
  std::stop_source enough_;
  LoopbackServer server_{[this](Connection& connection) {
    const Nanos begin = monotonic_now();
    const bool first = requests_++ == 0;
    if (!connection.closed_within(20'000) || !first) return false;
    waited_ = monotonic_now() - begin;
    enough_.request_stop();
    known_.release();
    return false;
  }};  // last: its threads use all of the above
};

/// `use` is given what memory makes of a configuration whose services are all that silent one.
template <typename Use>
void check_limit(const std::string& key, Nanos limit, Use use, const char* engine = "openai") {
  SilentService service;
  const SteadyClock clock;
  test::PrivateRun run(
      "memory", clock,
      {"memory.store=ram", "memory.embedder=openai", "memory.embedding_model=m", "memory.rerank_model=m",
       "brain.engine=" + std::string(engine), "brain.url=" + service.url(), "anthropic.url=" + service.url(),
       "memory.embedding_url=" + service.url(), "memory.rerank_url=" + service.url(),
       key + "=" + std::to_string(limit / kMillisecond)});
  const auto context = run.attach();
  use(make_parts(*context), service.enough());
  const Nanos waited = service.waited();
  CHECK(waited > limit - 100 * kMillisecond);  // the server's clock begins when the request is whole
  CHECK(waited < limit + 2 * kSecond);         // usually 3, 60 or 90 s
}

const std::vector<std::string> kTexts{"green tea"};

}  // namespace

TEST_CASE("vectors of what is remembered are waited for as long as is configured") {
  check_limit("memory.embedding_timeout_ms", 500 * kMillisecond,
              [](const MemoryStage::Parts& parts, const std::stop_token& enough) {
                CHECK(parts.dense.documents->embed(kTexts, TextKind::kDocument, enough).error);
              });
}

TEST_CASE("the vector of a question is waited for as long as is configured") {
  check_limit("memory.question_timeout_ms", 300 * kMillisecond,
              [](const MemoryStage::Parts& parts, const std::stop_token& enough) {
                CHECK(parts.dense.questions->embed(kTexts, TextKind::kQuery, enough).error);
              });
}

TEST_CASE("an order of what was found is waited for as long as is configured") {
  check_limit("memory.rerank_timeout_ms", 300 * kMillisecond,
              [](const MemoryStage::Parts& parts, const std::stop_token& enough) {
                CHECK_THROWS_AS(static_cast<void>(parts.dense.reranker->rank("tea", kTexts, enough)), Error);
              });
}

TEST_CASE("the model that extracts facts is waited for as long as is configured") {
  for (const char* engine : {"openai", "anthropic"})
    check_limit(
        "memory.extraction_timeout_ms", 500 * kMillisecond,
        [](const MemoryStage::Parts& parts, const std::stop_token& /*enough*/) {
          REQUIRE(parts.model != nullptr);
          CHECK_THROWS_AS(static_cast<void>(parts.model->ask("Extract.", "I like tea.", "{}", {})), Error);
        },
        engine);
}
