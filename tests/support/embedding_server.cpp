#include "tests/support/embedding_server.hpp"

#include <algorithm>
#include <span>

#include "base/clock.hpp"
#include "base/scope_exit.hpp"
#include "json/json.hpp"
#include "text/base64.hpp"

namespace prot::test {
namespace {

constexpr std::size_t kDimension = 8;

}  // namespace

memory::Vector served_vector(std::string_view text) {
  std::uint32_t state = 2166136261U;
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 16777619U;
  memory::Vector vector;
  for (std::size_t i = 0; i < kDimension; ++i) {
    state = state * 1664525U + 1013904223U;
    vector.push_back(static_cast<float>(state >> 8U) / 8388608.0F - 1.0F);
  }
  (void)memory::normalize(vector);
  return vector;
}

EmbeddingServer::EmbeddingServer() : server_([this](Connection& connection) { return serve(connection); }) {}

void EmbeddingServer::befall(Fault fault, int times) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
  faults_left_ = times;
}

void EmbeddingServer::set_delay(int milliseconds) {
  const std::lock_guard lock(mutex_);
  delay_ms_ = milliseconds;
}

void EmbeddingServer::set_limits(std::size_t texts, std::string refused_word) {
  const std::lock_guard lock(mutex_);
  max_texts_ = texts;
  refused_word_ = std::move(refused_word);
}

EmbeddingServer::Record EmbeddingServer::record() {
  const std::lock_guard lock(mutex_);
  return record_;
}

std::string EmbeddingServer::good_body(const std::string& request, std::size_t* texts, bool* refused) {
  const json::Document asked = json::parse(request);
  const json::View input = asked.get(asked.get("documents") ? "documents" : "input");
  *texts = input.size();
  *refused = *texts > max_texts_;
  json::Writer w;
  w.begin_object().member("object", "list").key(asked.get("top_n") ? "results" : "data").begin_array();
  // Backwards: the order is not promised.
  for (std::size_t i = input.size(); i-- > 0;) {
    const std::string_view text = input.at(i).as_string();
    if (!refused_word_.empty() && text.find(refused_word_) != std::string_view::npos) *refused = true;
    w.begin_object().member("index", i);
    if (asked.get("documents")) {
      w.member("relevance_score", static_cast<double>(text.size()));
    } else {
      const memory::Vector vector = served_vector(text);
      w.key("embedding");
      if (asked.get("encoding_format").as_string() == "base64") {
        w.value(text::base64(std::as_bytes(std::span(vector))));
      } else {
        w.begin_array();
        for (const float value : vector) w.value(static_cast<double>(value));
        w.end_array();
      }
    }
    w.end_object();
  }
  w.end_array().key("model").value(asked.get("model")).key("usage").begin_object();
  return w.member("total_tokens", 1).end_object().end_object().str();
}

bool EmbeddingServer::serve(Connection& connection) {
  std::string body = connection.request.substr(connection.request.find("\r\n\r\n") + 4);
  std::size_t texts = 0;
  bool refused = false;
  Fault fault;
  int delay = 0;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t size = body.size();
    body = good_body(body, &texts, &refused);
    ++record_.requests;
    record_.most_at_once = std::max(record_.most_at_once, ++at_once_);
    record_.batches.push_back(texts);
    record_.largest_body = std::max(record_.largest_body, size);
    record_.last_request = connection.request;
    record_.times.push_back(monotonic_now());
    if (faults_left_ > 0) {
      --faults_left_;
      fault = fault_;
    }
    delay = delay_ms_;
  }
  connection.hold(delay);
  {
    // Before the answer: with it the client may begin the next.
    const std::lock_guard lock(mutex_);
    --at_once_;
  }
  if (fault) return fault(connection, body);
  if (refused) {
    connection.answer("400 Bad Request", "", R"({"detail":"Request is too large: too many tokens."})");
  } else {
    connection.answer("200 OK", "Content-Type: application/json\r\n", body);
  }
  return true;
}

}  // namespace prot::test
