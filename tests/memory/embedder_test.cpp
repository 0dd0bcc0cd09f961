#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "json/json.hpp"
#include "memory/embedders/batches.hpp"
#include "memory/embedders/hashed.hpp"
#include "memory/embedders/openai.hpp"
#include "memory/embedders/voyage.hpp"
#include "tests/support/embedding_server.hpp"

using namespace prot;
using namespace prot::memory;
using prot::test::EmbeddingServer;
using prot::test::served_vector;

namespace {

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

VectorService service_at(const EmbeddingServer& server) {
  VectorService service;
  service.url = server.url();
  service.model = "voyage-4-lite";
  service.api_key = "pa-secret";
  service.rules = {.at_once = 4, .tries = 3, .first_wait = kMillisecond, .longest_wait = kSecond};
  service.timeout_ms = 20'000;
  return service;
}

std::vector<std::string> texts_of(std::size_t count, const std::string& word = "text") {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back(word + " number " + std::to_string(i));
  return texts;
}

json::Document body_of(const std::string& request) {
  return json::parse(request.substr(request.find("\r\n\r\n") + 4));
}

void check_all(const Embedded& embedded, const std::vector<std::string>& texts) {
  REQUIRE(embedded.vectors.size() == texts.size());
  CHECK_FALSE(embedded.error.has_value());
  CHECK(embedded.refused.empty());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool same =
        !embedded.vectors[i].empty() && dot(embedded.vectors[i], served_vector(texts[i])) > 0.9999;
    wrong += same ? 0 : 1;
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("hashed vectors: of length 1, the same each time, near where words and their parts are the same") {
  const auto embedder = make_hashed_embedder();
  CHECK(embedder->model_id().starts_with("hashed-"));
  CHECK(embedder->model_id().ends_with("/1024"));
  CHECK(make_hashed_embedder()->model_id() == embedder->model_id());
  CHECK(embedder->is_instant());
  const auto vector = [&](const std::string& text) {
    return embedder->embed(std::vector<std::string>{text}, TextKind::kDocument, {}).vectors.at(0);
  };
  for (const char* text : {"I like green tea.", "저는 녹차를 좋아해요.", "", "...", "the", "\xff\xfe", "😀"}) {
    CAPTURE(text);
    const Vector one = vector(text);
    REQUIRE(one.size() == kHashedDimension);
    CHECK(dot(one, one) == doctest::Approx(1.0).epsilon(1e-5));
    CHECK(vector(text) == one);
  }
  CHECK(dot(vector("민수는 카카오에 다닌다"), vector("민수가 카카오에서 일해")) >
        dot(vector("민수는 카카오에 다닌다"), vector("영희는 서울에 산다")) + 0.2);
  CHECK(dot(vector("my favourite colour"), vector("your favorite colors")) > 0.8);
  CHECK(std::abs(dot(vector("green tea"), vector("motorcycle engine"))) < 0.3);
}

TEST_CASE("batches: by count and by tokens, in order, a long text alone") {
  std::vector<std::string> texts(300, "short");
  texts[10] = std::string(40'000, 'x');
  const BatchLimits limits{.texts = 128, .tokens = 8'000, .text_tokens = 1'000};
  const std::vector<Batch> batches = split_batches(texts, limits);
  std::size_t next = 0;
  for (const Batch& batch : batches) {
    CHECK(batch.begin == next);
    CHECK(batch.size() > 0);
    CHECK(batch.size() <= 128);
    next = batch.end;
    if (batch.begin <= 10 && 10 < batch.end) CHECK(batch.size() == 1);
  }
  CHECK(next == texts.size());
  CHECK(split_batches({}, limits).empty());
  CHECK(cut_to_tokens(texts[10], 1'000).size() <= 4'000);
  CHECK(cut_to_tokens("가나다라마바사아자차", 8) == "가나다라마바");
  CHECK(cut_to_tokens("fine", 100) == "fine");
}

TEST_CASE("Voyage is asked as its documents say") {
  EmbeddingServer server;
  VectorService service = service_at(server);
  service.dimension = 8;
  const auto embedder = make_voyage_embedder(service);
  CHECK(embedder->model_id() == "voyage-4-lite/8");
  const std::vector<std::string> texts{"민수는 차를 좋아한다.", "He likes tea."};
  check_all(embedder->embed(texts, TextKind::kDocument, {}), texts);
  const std::string request = server.record().last_request;
  CHECK(request.starts_with("POST /v1/embeddings "));
  CHECK(request.find("authorization: Bearer pa-secret\r\n") != std::string::npos);
  const json::Document body = body_of(request);
  CHECK(body.get("input").at(0).as_string() == texts[0]);
  CHECK(body.get("model").as_string() == "voyage-4-lite");
  CHECK(body.get("input_type").as_string() == "document");
  CHECK(body.get("output_dimension").as_int() == 8);
  CHECK(body.get("encoding_format").as_string() == "base64");
  (void)embedder->embed(texts, TextKind::kQuery, {});
  CHECK(body_of(server.record().last_request).get("input_type").as_string() == "query");
}

TEST_CASE("an OpenAI-compatible server is asked for numbers, with the prefixes of the model") {
  EmbeddingServer server;
  VectorService service = service_at(server);
  service.model = "e5";
  service.query_prefix = "query: ";
  service.document_prefix = "passage: ";
  const auto embedder = make_openai_embedder(service);
  CHECK(embedder->model_id() == "e5|passage: ");
  const std::vector<std::string> texts{"tea"};
  check_all(embedder->embed(texts, TextKind::kDocument, {}), {"passage: tea"});
  const json::Document body = body_of(server.record().last_request);
  CHECK(body.get("encoding_format").as_string() == "float");
  CHECK_FALSE(body.get("input_type"));
  CHECK_FALSE(body.get("dimensions"));
  check_all(embedder->embed(texts, TextKind::kQuery, {}), {"query: tea"});
}

TEST_CASE("what is too large is halved until only the text itself is refused") {
  EmbeddingServer server;
  server.set_limits(10, "HUGE");
  std::vector<std::string> texts = texts_of(100);
  texts[37] = "a HUGE text";
  texts[60] = " \n";
  const Embedded embedded = make_voyage_embedder(service_at(server))->embed(texts, TextKind::kDocument, {});
  CHECK_FALSE(embedded.error.has_value());
  REQUIRE(embedded.refused.size() == 2);
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(embedded.vectors[i].empty() == (i == 37 || i == 60));
}

TEST_CASE("ranks come by index, in either form") {
  EmbeddingServer server;
  const std::vector<std::string> texts{"a", "the longest", "middle"};
  for (const bool voyage : {true, false}) {
    CAPTURE(voyage);
    const auto reranker =
        voyage ? make_voyage_reranker(service_at(server)) : make_openai_reranker(service_at(server));
    CHECK(reranker->rank("who?", texts, {}) == std::vector<double>{1, 11, 6});
    const std::string request = server.record().last_request;
    CHECK(request.starts_with("POST /v1/rerank "));
    CHECK(body_of(request).get("query").as_string() == "who?");
    CHECK(body_of(request).get(voyage ? "top_k" : "top_n").as_int() == 3);
  }
  CHECK(make_voyage_reranker(service_at(server))->rank("who?", {}, {}).empty());
}
