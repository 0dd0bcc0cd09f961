#include "control_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace prot::supervisor {
namespace {

constexpr Nanos kLookAgain = 10 * kMillisecond;
constexpr std::ptrdiff_t kMostWaits = 16;  // of one client

json::Document parse_request(const std::string& request) {
  try {
    return json::parse(request);
  } catch (const Error& e) {
    throw UsageError(e.what());
  }
}

}  // namespace

void ControlDesk::open(const std::string& path) {
  server_ = std::make_unique<ControlServer>(
      path, instance_->loop,
      [this](const auto& client, const std::string& request) { handle(client, request); });
}

void ControlDesk::handle(const Client& client, const std::string& request) {
  try {
    const json::Document document = parse_request(request);
    const std::string name(document.get("cmd").as_string());
    const ControlCommand* command = find_control_command(name);
    if (command == nullptr) return client->send_error("unknown command '" + name + "'", kControlUsage);
    command->handler(*this, client, document.root());
  } catch (const Error& e) {
    client->send_error(e.what(), e.exit_code());
  }
}

void ControlDesk::require_patience(const Client& client) const {
  const auto waits = std::count_if(waiters_.begin(), waiters_.end(),
                                   [&](const Waiter& other) { return other.client == client; });
  if (waits >= kMostWaits) throw Error(fmt::format("this connection waits for {} things already", waits));
}

void ControlDesk::wait(Waiter waiter) {
  require_patience(waiter.client);
  waiters_.push_back(std::move(waiter));
}

bool ControlDesk::is_waiting(std::string_view program, std::string_view kind) const {
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [&](const Waiter& waiter) { return waiter.program == program && waiter.kind == kind; });
}

void ControlDesk::answer_waiters(Nanos now) {
  server_->settle();
  leases_.on_time(now);
  std::vector<Waiter> left;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    if (waiter.client->closed()) continue;
    const bool met = waiter.met();
    const std::string failure = !met && waiter.failure ? waiter.failure() : std::string();
    if (met && waiter.answer) {
      waiter.answer(waiter.client);
    } else if (met) {
      waiter.client->send(R"({"ok":true})");
    } else if (!failure.empty() || instance_->phase >= Phase::kDraining) {
      waiter.client->send_error(failure.empty() ? "the instance is stopping" : failure, kControlFailure);
    } else if (waiter.deadline <= now) {
      waiter.client->send_error(
          waiter.late ? waiter.late() : "not ready in time: " + instance_->missing(waiter.program),
          kControlTimeout);
    } else {
      left.push_back(std::move(waiter));
    }
  }
  waiters_.insert(waiters_.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
}

Nanos ControlDesk::next_deadline() const noexcept {
  Nanos next = server_->unsettled() ? instance_->clock.now() : leases_.next_deadline();
  for (const Waiter& waiter : waiters_)
    next = std::min({next, waiter.deadline, waiter.polls ? instance_->clock.now() + kLookAgain : kNever});
  return next;
}

void ControlDesk::hold(const Client& client, const std::string& program) {
  for (const auto& [other, joiner] : joiners_)
    if (joiner == client) throw Error("this connection holds " + other + " already", kControlUsage);
  require_patience(client);  // else it would hold what it is told it does not
  // The connection is the sign that the joiner lives.
  client->on_close([this, program] {
    joiners_.erase(program);
    host_->joiner_gone(program);
  });
  joiners_[program] = client;
}

bool ControlDesk::end_hold(std::string_view program) {
  const auto found = joiners_.find(program);
  if (found == joiners_.end()) return false;
  const Client client = found->second;
  client->close();
  return true;
}

void ControlDesk::follow_drain(const Client& client) {
  std::erase_if(down_clients_, [](const Client& other) { return other->closed(); });
  if (std::find(down_clients_.begin(), down_clients_.end(), client) == down_clients_.end())
    down_clients_.push_back(client);
}

void ControlDesk::tell_progress(const std::string& line) {
  for (const Client& client : down_clients_)
    client->send(fmt::format(R"({{"progress":{}}})", json::escape(line)));
}

void ControlDesk::spread_line(const std::string& program, const std::string& line) {
  if (server_ != nullptr) server_->spread_line(program, line);
}

void ControlDesk::stop_listening() { server_->stop_listening(); }

void ControlDesk::end(const DrainAccount& account) {
  for (const Client& client : down_clients_) {
    client->send(fmt::format(R"({{"ok":true,"drained":{},"deferred":{},"unknown":{}}})", account.drained,
                             account.deferred, account.unknown));
    client->finish();
  }
  answer_waiters(kNever - 1);
  server_->drain_connections();
}

}  // namespace prot::supervisor
