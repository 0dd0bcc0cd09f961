#include "embedders/probe.hpp"

#include <utility>
#include <vector>

#include "base/error.hpp"
#include "embedders/vectors_of.hpp"
#include "http/url.hpp"
#include "json/json.hpp"
#include "services/web_question.hpp"

namespace prot::memory {
namespace {

using services::State;

http::Request request_of(const services::Service& service, std::string_view path, const std::string& key,
                         std::string body) {
  http::Request request;
  request.url = http::service_url(service.url, path);
  request.headers = {{"content-type", "application/json"}};
  if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
  request.body = std::move(body);
  return request;
}

/// The errors first, as every service has them; then whether recall could use the answer.
template <typename F>
services::Judge judged(std::vector<std::string> members, F read) {
  return [members = std::move(members), read](const std::string& body) {
    services::Answer answer;
    for (const std::string& member : members)
      if (answer = services::expect_member(member)(body); answer.state != State::kMalformed) break;
    if (answer.state != State::kOk) return answer;
    try {
      (void)read(body);
    } catch (const Error& e) {
      return services::Answer{State::kMalformed, 0, e.what()};
    }
    return answer;
  };
}

}  // namespace

services::Answer probe_embeddings(const stage::CheckContext& context, const services::Service& service,
                                  const std::string& key) {
  const bool voyage = service.name.starts_with("Voyage");
  const long dimension = context.config.get_int("memory.embedding_dimension");
  json::Writer w;
  w.begin_object().key("input").begin_array().value("hello").end_array();
  if (!service.model.empty()) w.member("model", service.model);
  if (dimension != 0) w.member(voyage ? "output_dimension" : "dimensions", dimension);
  return services::ask_web(request_of(service, "/embeddings", key, w.end_object().str()),
                           judged({"data"}, [dimension](const std::string& body) {
                             return vectors_of(body, 1, static_cast<std::size_t>(dimension));
                           }));
}

services::Answer probe_rerank(const stage::CheckContext& /*context*/, const services::Service& service,
                              const std::string& key) {
  json::Writer w;
  w.begin_object().member("model", service.model).member("query", "tea");
  w.key("documents").begin_array().value("green tea").value("a door").end_array().end_object();
  return services::ask_web(
      request_of(service, "/rerank", key, w.str()),
      judged({"data", "results"}, [](const std::string& body) { return ranks_of(body, 2); }));
}

}  // namespace prot::memory
