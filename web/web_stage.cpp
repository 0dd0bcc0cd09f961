#include "web_stage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "answers.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "dashboard.hpp"
#include "heap_report.hpp"
#include "http/listener.hpp"
#include "stage/control.hpp"
#include "turn_history.hpp"
#include "wire/topology.hpp"

namespace prot::web {
namespace {

constexpr int kConfiguration = 78;
constexpr std::size_t kShortestToken = 16;

bool reads(const http::ServerEvent& request) { return request.method == "GET" || request.method == "HEAD"; }

std::string socket_path(const stage::StageContext& context) {
  return (context.environment().paths.runtime / "web.sock").string();
}

std::string chat_socket(const stage::StageContext& context) {
  return (context.environment().paths.runtime / "chat.sock").string();
}

std::vector<std::string> wanted_stages(const stage::Config& config) {
  std::vector<std::string> names;
  for (const std::string_view stage : wire::kDrainOrder)
    if (stage != "memory" || config.get_bool("memory.enabled")) names.emplace_back(stage);
  return names;
}

/// Who may listen where. Throws Error: what other machines reach wants a token.
http::AccessRules access_rules(const stage::StageContext& context) {
  const stage::Config& config = context.config();
  http::AccessRules rules;
  rules.hosts = config.get_list("web.hosts");
  rules.origins = config.get_list("web.cors_origins");
  const std::string& address = config.get_string("web.address");
  rules.hosts.push_back(address);
  if (const std::string& name = config.get_string("web.token_env"); !name.empty()) {
    rules.token = context.environment().secrets.find(name).value_or("");
    if (rules.token.size() < kShortestToken)
      throw Error(fmt::format("{} (web.token_env) must hold at least {} characters", name, kShortestToken),
                  kConfiguration);
  }
  if (rules.token.empty() && !http::is_loopback_address(address))
    throw Error("web.address " + address + " is reached by other machines: set web.token_env",
                kConfiguration);
  if (rules.token.empty()) {
    rules.user = ::geteuid();
    rules.for_all = {"/health", "/ready", "/state", "/metrics"};
  }
  return rules;
}

}  // namespace

WebStage::WebStage(stage::StageContext& context)
    : context_(context),
      observer_(context.environment().paths.instance, context.environment().paths.state / "log",
                wanted_stages(context.config()), context.clock()),
      rooms_(context.loop(), chat_socket(context),
             [this](http::ConnectionId id, std::string text) { server_->send(id, std::move(text)); }),
      feed_(context.loop(), chat_socket(context),
            [this](http::ConnectionId id, std::string text) { server_->send(id, std::move(text)); }),
      desk_(context.loop(), context.environment().paths.runtime,
            [this](http::ConnectionId id, http::ServerResponse answer) {
              server_->respond(id, std::move(answer));
            }),
      playhead_(context.board()) {}

void WebStage::start() {
  server_ = std::make_unique<http::Server>(http::ServerLimits{}, access_rules(context_),
                                           [this] { context_.bell().ring(); });
  const stage::Config& config = context_.config();
  const auto port = static_cast<int>(config.get_int("web.port"));
  if (const std::string& address = config.get_string("web.address"); port > 0)
    doors_.push_back({.name = fmt::format("{} port {}", address, port),
                      .open = [address, port] { return http::listen_tcp(address, port); }});
  if (const std::string path = socket_path(context_); config.get_bool("web.socket"))
    doors_.push_back({.name = path, .open = [path] { return stage::listen_unix(path); }});
  context_.set_engine("beast");
  listen(context_.clock().now());
}

void WebStage::stop() noexcept {
  if (!server_) return;
  heap_pages_.reset();
  server_.reset();
  ::unlink(socket_path(context_).c_str());
}

// Each by itself: a port that is taken does not take web.sock away.
void WebStage::listen(Nanos now) {
  listen_at_ = kNever;
  bool said = false;
  for (Door& door : doors_) {
    if (!door.shut) continue;
    try {
      server_->add_listener(door.open());
      door.shut = false;
      log_info("listens on {}", door.name);
      said |= !std::exchange(door.complaint, {}).empty();
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      listen_at_ = now + kListenAgain;
      const std::string why = full_message(error);
      if (why == door.complaint) continue;
      log_warn("{}; it is tried again", why);
      door.complaint = why;
      said = true;
    }
  }
  if (!said) return;
  std::string status;
  for (const Door& door : doors_)
    if (!door.complaint.empty()) status += (status.empty() ? "" : "; ") + door.complaint;
  context_.say_status(status);
}

int WebStage::do_work(Nanos now) {
  if (now >= listen_at_) listen(now);
  int items = 0;
  for (const http::ServerEvent& event : server_->take()) {
    ++items;
    handle(event, now);
  }
  items += rooms_.pump(now) + feed_.pump(now) + desk_.pump(now);
  if (heap_pages_)
    for (auto& [id, text] : heap_pages_->take())
      server_->respond(id, {200, "application/json", std::move(text), {}});
  if (feed_.size() > 0)
    if (const std::string moved = playhead_.look(now); !moved.empty()) feed_.tell(moved);
  if (now >= look_at_) {
    look_at_ = now + kLookEvery;
    static_cast<void>(report());
  }
  context_.counter("connections").store(server_->connections(), std::memory_order_relaxed);
  context_.counter("refused").store(server_->refused(), std::memory_order_relaxed);
  return items;
}

Nanos WebStage::next_deadline(Nanos) const {
  const Nanos moves_at = feed_.size() > 0 ? playhead_.next_deadline() : kNever;
  return std::min(
      {listen_at_, look_at_, moves_at, rooms_.next_deadline(), feed_.next_deadline(), desk_.next_deadline()});
}

const Report& WebStage::report() {
  Report& report = observer_.look();
  report.connections = server_->connections();
  report.refused = server_->refused();
  return report;
}

void WebStage::handle(const http::ServerEvent& event, Nanos now) {
  switch (event.kind) {
    case http::ServerEvent::Kind::kRequest:
      context_.counter("requests").fetch_add(1, std::memory_order_relaxed);
      return answer(event, now);
    case http::ServerEvent::Kind::kMessage:
      return rooms_.hear(event.id, event.data, now);
    case http::ServerEvent::Kind::kGone:
      rooms_.gone(event.id);
      feed_.gone(event.id);
      return;
  }
}

void WebStage::answer(const http::ServerEvent& request, Nanos now) {
  try {
    if (request.path == "/chat" && request.upgrade) {
      if (rooms_.full()) return server_->respond(request.id, refused(503, "too many clients of /chat"));
      server_->accept_socket(request.id);
      return rooms_.open(request.id, now);
    }
    if (request.path == "/events" && request.method == "GET") {
      const std::string state = state_page(report());
      server_->start_events(request.id, "retry: 2000\n\nevent: snapshot\ndata: " + state + "\n\n");
      return feed_.add(request.id, now);
    }
    if (OperatorDesk::takes(request.path)) return desk_.ask(request, now);
    if (request.path == "/memory" && reads(request)) return answer_memory(request);
    server_->respond(request.id, page(request));
  } catch (const std::exception& error) {  // of one page; the others are served
    log_error("{}: {}", request.path, full_message(error));
    server_->respond(request.id, refused(500, "this page failed; see: prot logs web"));
  }
}

void WebStage::answer_memory(const http::ServerEvent& request) {
  if (!context_.config().get_bool("general.heap_profile"))
    return server_->respond(request.id, {200, "application/json", heap_page_off(), {}});
  if (!heap_pages_)
    heap_pages_ = std::make_unique<HeapPages>(context_.environment().paths.runtime / "heap",
                                              [this] { context_.bell().ring(); });
  std::map<std::string, std::int64_t> processes;
  if (const Report& now = report(); now.run)
    for (const observe::StageRow& row : now.run->stages)
      if (wire::is_stage(row.name) || row.name == "web") processes[row.name] = row.pid;
  heap_pages_->ask(request.id, std::move(processes));
}

http::ServerResponse WebStage::page(const http::ServerEvent& request) {
  using Page = std::string (*)(const Report&);
  static constexpr std::pair<std::string_view, Page> kPages[] = {
      {"/health", health_page}, {"/state", state_page}, {"/diagnostics", diagnostics_page}};
  constexpr const char* kMetrics = "text/plain; version=0.0.4; charset=utf-8";
  const auto found = std::find_if(std::begin(kPages), std::end(kPages),
                                  [&](const auto& one) { return one.first == request.path; });
  const bool known = found != std::end(kPages) || request.path == "/ready" || request.path == "/metrics" ||
                     request.path == "/turns" || request.path == "/memory" || request.path == "/events" ||
                     request.path == "/";
  if (request.path == "/chat") {
    http::ServerResponse no = refused(426, "/chat is a WebSocket");
    no.headers.emplace_back("Upgrade", "websocket");
    return no;
  }
  if (!known) return refused(404, "there is no such page");
  if (request.path == "/events") return only("GET", "this stream is only read");
  if (!reads(request)) return only("GET, HEAD", "this page is only read");
  if (request.path == "/") return dashboard_page();
  if (request.path == "/turns")
    return {200,
            "application/json",
            turn_history(context_.environment().paths.state / "said" / "turns.jsonl"),
            {}};
  const Report& now = report();
  if (request.path == "/metrics") return {200, kMetrics, metrics_page(now), {}};
  if (request.path == "/ready") return {is_ready(now) ? 200 : 503, "application/json", ready_page(now), {}};
  const bool fails = request.path == "/health" && !is_alive(now);
  return {fails ? 503 : 200, "application/json", found->second(now), {}};
}

}  // namespace prot::web
