#include "operator_desk.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "answers.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "http/admission.hpp"
#include "json/json.hpp"

namespace prot::web {
namespace {

constexpr std::size_t kLongestQuery = 200;
constexpr std::size_t kLongestName = 32;
constexpr int kMostHits = 50;
constexpr int kHits = 20;
constexpr int kUsage = 2, kUnknownStage = 4;  // codes of a refusal, see doc/developer.md

/// How a program's answer is passed on.
http::ServerResponse passed_on(std::string answer, std::string_view why, int status_of_failure) {
  if (answer.empty()) return refused(why == "no answer in time" ? 504 : 503, why);
  try {
    const json::Document said = json::parse(answer);
    if (!said.get("error").is_string()) return {200, "application/json", std::move(answer), {}};
    const std::int64_t code = said.get("code").as_int(1);
    const int status = code == kUsage ? 400 : code == kUnknownStage ? 404 : status_of_failure;
    return refused(status, said.get("error").as_string());
  } catch (const Error&) {
    return refused(502, "it answered nonsense");
  }
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLongestName &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// "application/json; charset=utf-8" too.
bool is_json(std::string_view content_type) noexcept {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type == "application/json";
}

}  // namespace

OperatorDesk::OperatorDesk(stage::EventLoop& loop, const std::filesystem::path& runtime,
                           const Respond& respond)
    : respond_(respond),
      memory_(loop, (runtime / "memory.sock").string(), Questions::Framing::kLine, {},
              [respond](http::ConnectionId id, std::string answer, std::string_view why) {
                respond(id, passed_on(std::move(answer), why, 503));
              }),
      control_(loop, (runtime / "control.sock").string(), Questions::Framing::kLength, {.at_once = 1},
               [respond](http::ConnectionId id, std::string answer, std::string_view why) {
                 respond(id, passed_on(std::move(answer), why, 409));
               }) {}

void OperatorDesk::ask(const http::ServerEvent& request, Nanos now) {
  request.path == "/search" ? search(request, now) : restart(request, now);
}

void OperatorDesk::search(const http::ServerEvent& request, Nanos now) {
  if (request.method != "GET") return respond_(request.id, only("GET", "a search is a GET"));
  std::string target = "?" + request.query;
  std::replace(target.begin(), target.end(), '+', ' ');  // as forms write it
  const std::string query = http::query_value(target, "q");
  const std::string limit = http::query_value(target, "limit");
  if (query.empty() || query.size() > kLongestQuery)
    return respond_(request.id, refused(400, "q: what to search for, at most 200 bytes"));
  int hits = kHits;
  const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), hits);
  if (!limit.empty() &&
      (error != std::errc() || end != limit.data() + limit.size() || hits < 1 || hits > kMostHits))
    return respond_(request.id, refused(400, "limit: 1 to 50"));
  json::Writer out;
  out.begin_object().member("cmd", "search").member("query", query).member("limit", hits);
  memory_.ask(request.id, out.end_object().str(), now);
}

void OperatorDesk::restart(const http::ServerEvent& request, Nanos now) {
  if (request.method != "POST") return respond_(request.id, only("POST", "a restart is a POST"));
  if (request.foreign) return respond_(request.id, refused(403, "a page of another server may not restart"));
  if (!is_json(request.content_type))
    return respond_(request.id, refused(415, "a restart is application/json"));
  std::string name;
  try {
    name = json::parse(request.data).get("stage").as_string();
  } catch (const Error& error) {
    return respond_(request.id, refused(400, error.what()));
  }
  if (!is_name(name)) return respond_(request.id, refused(400, "stage: the name of a program"));
  log_info("{} is restarted by HTTP", name);
  json::Writer out;
  out.begin_object().member("cmd", "restart").member("stage", name).member("wait", false);
  control_.ask(request.id, out.end_object().str(), now);
}

Nanos OperatorDesk::next_deadline() const noexcept {
  return std::min(memory_.next_deadline(), control_.next_deadline());
}

}  // namespace prot::web
