#include "registry.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "database_address.hpp"
#include "embedders/registry.hpp"
#include "http/url.hpp"
#include "models/anthropic.hpp"
#include "models/openai.hpp"
#include "stage/model_specs.hpp"
#include "stores/in_memory.hpp"
#include "stores/postgres.hpp"
#include "stores/postgres_near.hpp"
#include "stores/postgres_vectors.hpp"
#include "stores/ram_vectors.hpp"

namespace prot::memory {
namespace {

// Nobody else's: two users of a machine may both call their instance "default", and share a database.
std::string owner_name(const InstancePaths& paths) {
  char host[256] = {};
  if (::gethostname(host, sizeof(host) - 1) != 0) throw errno_error("gethostname");
  return std::string(host) + ":" + paths.state.string();
}

std::unique_ptr<ExtractionModel> make_model(const stage::StageContext& context) {
  const stage::Config& config = context.config();
  if (!config.get_bool("memory.extraction")) return nullptr;
  const stage::ModelSpec spec = stage::model_specs(config).front();
  if (spec.kind == stage::ModelSpec::Kind::kNull) return nullptr;
  if (spec.kind != stage::ModelSpec::Kind::kLocal) {
    const char* allowed =
        spec.kind == stage::ModelSpec::Kind::kAnthropic ? "anthropic.plain_http" : "brain.plain_http";
    if (!config.get_bool(allowed)) http::refuse_plain_http(spec.url, allowed);
  }
  const std::string& own = config.get_string("memory.extraction_model");
  const std::string model = own.empty() || spec.kind == stage::ModelSpec::Kind::kLocal ? spec.model : own;
  const std::string key =
      spec.key_name.empty() ? std::string() : context.environment().secrets.find(spec.key_name).value_or("");
  const std::int64_t limit = config.get_int("memory.extraction_timeout_ms");
  if (spec.kind == stage::ModelSpec::Kind::kAnthropic)
    return make_anthropic_model({spec.url, model, key, limit});
  if (spec.kind == stage::ModelSpec::Kind::kLocal)
    return make_openai_model(
        {"http://localhost/v1", context.environment().paths.runtime / "llm.sock", model, {}, true, limit});
  return make_openai_model({spec.url, {}, model, key, false, limit});
}

DenseLeg::Parts make_dense(const stage::StageContext& context, std::shared_ptr<ConnectionPool> pool) {
  DenseLeg::Parts parts;
  EmbedderPair embedders = make_embedders(context);
  if (!embedders.documents) return parts;
  parts.reranker = make_reranker(context);
  parts.ranked = static_cast<std::size_t>(context.config().get_int("memory.rerank_top_k"));
  parts.questions = std::move(embedders.questions);
  parts.documents = std::move(embedders.documents);
  if (pool && context.config().get_bool("memory.pgvector"))
    parts.search = make_postgres_near(pool, parts.documents->model_id());
  if (pool)
    parts.store = make_postgres_vectors(std::move(pool));
  else
    parts.store = std::make_unique<RamVectors>();
  return parts;
}

}  // namespace

std::string database_conninfo(const stage::Config& config, const InstancePaths& paths) {
  const std::string& url = config.get_string("memory.database_url");
  if (!url.empty()) return guarded_conninfo({url, config.get_bool("memory.database_plain")});
  return guarded_conninfo({"host='" + (paths.runtime / "db").string() + "' dbname=prot user=prot"});
}

MemoryStage::Parts make_parts(const stage::StageContext& context) {
  const InstancePaths& paths = context.environment().paths;
  const std::string& name = context.config().get_string("memory.store");
  MemoryStage::Parts parts;
  std::shared_ptr<ConnectionPool> pool;
  if (name == "postgres") {
    const auto most = static_cast<int>(context.config().get_int("memory.db_pool_max"));
    const auto least = static_cast<int>(context.config().get_int("memory.db_pool_min"));
    pool = make_connection_pool(database_conninfo(context.config(), paths), std::min(least, most), most);
    parts.store = make_postgres_store(pool, owner_name(paths));
  } else if (name == "ram") {
    parts.store = make_in_memory_store();
  } else {
    throw UsageError("memory.store = '" + name + "': there are postgres and ram");
  }
  parts.model = make_model(context);
  parts.engine = parts.store->name();
  try {
    parts.dense = make_dense(context, std::move(pool));
  } catch (const Error& e) {
    // A service that cannot be used must not keep anything from being remembered.
    log_error("{}; memories are found by their words alone", e.what());
  }
  return parts;
}

}  // namespace prot::memory
