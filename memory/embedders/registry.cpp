#include "embedders/registry.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "embedders/hashed.hpp"
#include "embedders/local.hpp"
#include "embedders/openai.hpp"
#include "embedders/voyage.hpp"
#include "http/url.hpp"
#include "stage/llama_program.hpp"
#include "stage/service_table.hpp"

namespace prot::memory {
namespace {

// Five requests at once are what services were asked for by prot from its beginning.
constexpr RequestPool::Rules kDocuments{.at_once = 4, .tries = 4};
// Talk does not wait: a question that fails twice goes by its words.
constexpr RequestPool::Rules kQuestions{
    .at_once = 1, .tries = 2, .first_wait = 100 * kMillisecond, .longest_wait = kSecond};
constexpr std::string_view kLocalModel = "all-minilm-l6-v2.gguf";  // of tools/setup/embedder.sh
// One at a time: the processor is what it takes, and speech comes first.
constexpr RequestPool::Rules kLocalDocuments{.at_once = 1, .tries = 2};
constexpr Nanos kLocalPatience = 100 * kMillisecond;  // of a question, while the server starts

struct Service {
  stage::ServiceRow row;
  std::unique_ptr<Embedder> (*embedder)(VectorService service);
  std::unique_ptr<Reranker> (*reranker)(VectorService service);
};
constexpr Service kServices[] = {
    {stage::service_row("memory", "voyage"), make_voyage_embedder, make_voyage_reranker},
    {stage::service_row("memory", "openai"), make_openai_embedder, make_openai_reranker},
};

const Service& service_named(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kServices), std::end(kServices),
                                         [&](const Service& service) { return service.row.word == name; });
  if (found == std::end(kServices))
    throw UsageError("memory.embedder = '" + std::string(name) + "': there is no such service");
  return *found;
}

std::string_view chosen(std::string_view configured, std::string_view own) {
  return configured.empty() ? own : configured;
}

std::string secret(const stage::StageContext& context, std::string_view name) {
  return name.empty() ? std::string() : context.environment().secrets.find(std::string(name)).value_or("");
}

void check_address(const stage::Config& config, const std::string& url) {
  constexpr const char* kAllowed = "memory.embedding_plain_http";
  if (!config.get_bool(kAllowed)) http::refuse_plain_http(url, kAllowed);
}

/// What "auto" is where no key has chosen a service (core/stage/implied_choices.hpp).
std::string engine_of(const stage::Config& config) {
  const std::string& configured = config.get_string("memory.embedder");
  if (configured != "auto") return configured;
  if (!config.get_string("memory.embedding_url").empty()) return "openai";
  return config.get_string("memory.embedding_file").empty() ? "hashed" : "local";
}

/// Whoever names a server and no key has one that needs none: OpenAI's is not for everybody.
std::string embedding_key_name(const stage::Config& config, const Service& kind) {
  const std::string& configured = config.get_string("memory.embedding_key_env");
  const bool own = kind.row.word != "openai" || config.get_string("memory.embedding_url").empty();
  return configured.empty() && own ? std::string(kind.row.own_key_name) : configured;
}

/// A model file on this machine: one server for both.
EmbedderPair make_local_embedders(const stage::StageContext& context, VectorService service) {
  const stage::Config& config = context.config();
  LocalServer::Settings settings;
  settings.model =
      config.model_path("memory.embedding_file", context.environment().paths.cache.string(), kLocalModel);
  if (::access(settings.model.c_str(), R_OK) != 0)
    throw UsageError(
        "memory.embedder = 'local': " + settings.model +
        " cannot be read: tools/setup/embedder.sh fetches a model, or set memory.embedding_file");
  try {
    settings.program = stage::llama_program(config, context.environment().paths);
  } catch (const Error& e) {
    throw UsageError("memory.embedder = 'local': " + std::string(e.what()));
  }
  if (const std::string& pooling = config.get_string("memory.embedding_pooling"); pooling != "auto")
    settings.pooling = pooling;
  settings.socket = (context.environment().paths.runtime / "embed.sock").string();
  const auto server = std::make_shared<LocalServer>(settings);
  service.api_key.clear();
  EmbedderPair pair;
  service.rules = kLocalDocuments;
  service.timeout_ms = config.get_int("memory.embedding_timeout_ms");
  pair.documents = make_local_embedder(server, settings, service, LocalServer::kStartLimit);
  service.rules = kQuestions;
  service.timeout_ms = config.get_int("memory.question_timeout_ms");
  pair.questions = make_local_embedder(server, settings, std::move(service), kLocalPatience);
  return pair;
}

}  // namespace

EmbedderPair make_embedders(const stage::StageContext& context) {
  const stage::Config& config = context.config();
  const std::string engine = engine_of(config);
  const auto dimension = static_cast<std::size_t>(config.get_int("memory.embedding_dimension"));
  if (engine == "none") return {};
  if (engine == "hashed")
    return {make_hashed_embedder(dimension == 0 ? kHashedDimension : dimension),
            make_hashed_embedder(dimension == 0 ? kHashedDimension : dimension)};
  VectorService service;
  service.dimension = dimension;
  service.query_prefix = config.get_string("memory.embedding_query_prefix");
  service.document_prefix = config.get_string("memory.embedding_document_prefix");
  if (engine == "local") return make_local_embedders(context, std::move(service));
  const Service& kind = service_named(engine);
  service.url = chosen(config.get_string("memory.embedding_url"), kind.row.own_url);
  service.model = chosen(config.get_string("memory.embedding_model"), kind.row.own_model);
  const std::string key_name = embedding_key_name(config, kind);
  service.api_key = secret(context, key_name);
  check_address(config, service.url);
  if (service.api_key.empty() && service.url == kind.row.own_url)
    throw UsageError("memory.embedder = '" + engine + "' needs a key in " + key_name);
  EmbedderPair pair;
  service.rules = kDocuments;
  service.timeout_ms = config.get_int("memory.embedding_timeout_ms");
  pair.documents = kind.embedder(service);
  service.rules = kQuestions;
  service.timeout_ms = config.get_int("memory.question_timeout_ms");
  pair.questions = kind.embedder(std::move(service));
  return pair;
}

std::unique_ptr<Reranker> make_reranker(const stage::StageContext& context) {
  const stage::Config& config = context.config();
  const std::string& url = config.get_string("memory.rerank_url");
  if (config.get_string("memory.rerank_model").empty() && url.empty()) return nullptr;
  const Service& kind =
      service_named(url.empty() || url.find("voyageai.com") != std::string::npos ? "voyage" : "openai");
  VectorService service;
  service.url = chosen(url, kind.row.own_url);
  service.model = config.get_string("memory.rerank_model");
  service.api_key = secret(
      context, chosen(config.get_string("memory.rerank_key_env"), url.empty() ? kind.row.own_key_name : ""));
  check_address(config, service.url);
  service.rules = kQuestions;
  service.timeout_ms = config.get_int("memory.rerank_timeout_ms");
  return kind.reranker(std::move(service));
}

}  // namespace prot::memory
