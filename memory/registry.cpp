#include "registry.hpp"

#include <unistd.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "embedders/registry.hpp"
#include "http/url.hpp"
#include "models/anthropic.hpp"
#include "models/openai.hpp"
#include "stage/model_specs.hpp"
#include "stores/in_memory.hpp"
#include "stores/postgres.hpp"
#include "stores/postgres_vectors.hpp"
#include "stores/ram_vectors.hpp"

namespace prot::memory {
namespace {

// A server that hangs must not hold the worker for ever.
constexpr const char* kOptions =
    "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000";

std::string owner_name(const std::string& instance) {
  char host[256] = {};
  if (::gethostname(host, sizeof(host) - 1) != 0) throw errno_error("gethostname");
  return std::string(host) + ":" + instance;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ') {
      out += "%20";
    } else if (c == '=') {
      out += "%3D";
    } else {
      out += c;
    }
  }
  return out;
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
  if (spec.kind == stage::ModelSpec::Kind::kAnthropic) return make_anthropic_model({spec.url, model, key});
  if (spec.kind == stage::ModelSpec::Kind::kLocal)
    return make_openai_model(
        {"http://localhost/v1", context.environment().paths.runtime / "llm.sock", model, {}, true});
  return make_openai_model({spec.url, {}, model, key, false});
}

DenseLeg::Parts make_dense(const stage::StageContext& context) {
  DenseLeg::Parts parts;
  EmbedderPair embedders = make_embedders(context);
  if (!embedders.documents) return parts;
  parts.reranker = make_reranker(context);
  parts.ranked = static_cast<std::size_t>(context.config().get_int("memory.rerank_top_k"));
  parts.questions = std::move(embedders.questions);
  parts.documents = std::move(embedders.documents);
  if (context.config().get_string("memory.store") == "ram") {
    parts.store = std::make_unique<RamVectors>();
  } else {
    parts.store = make_postgres_vectors(database_conninfo(context.config(), context.environment().paths));
  }
  return parts;
}

}  // namespace

std::string database_conninfo(const stage::Config& config, const InstancePaths& paths) {
  const std::string& url = config.get_string("memory.database_url");
  if (url.empty())
    return "host='" + (paths.runtime / "db").string() +
           "' dbname=prot user=prot connect_timeout=3 application_name=prot-memory options='" +
           std::string(kOptions) + "'";
  if (url.find("://") == std::string::npos) return url;  // "host=... dbname=..." says everything by itself
  return url + (url.find('?') == std::string::npos ? "?" : "&") +
         "connect_timeout=3&tcp_user_timeout=10000&application_name=prot-memory&options=" +
         percent_encoded(kOptions);
}

MemoryStage::Parts make_parts(const stage::StageContext& context) {
  const InstancePaths& paths = context.environment().paths;
  const std::string& name = context.config().get_string("memory.store");
  MemoryStage::Parts parts;
  if (name == "postgres") {
    parts.store = make_postgres_store(database_conninfo(context.config(), paths), owner_name(paths.instance));
  } else if (name == "ram") {
    parts.store = make_in_memory_store();
  } else {
    throw UsageError("memory.store = '" + name + "': there are postgres and ram");
  }
  parts.model = make_model(context);
  parts.engine = parts.store->name();
  try {
    parts.dense = make_dense(context);
  } catch (const Error& e) {
    // A service that cannot be used must not keep anything from being remembered.
    log_error("{}; memories are found by their words alone", e.what());
  }
  return parts;
}

}  // namespace prot::memory
