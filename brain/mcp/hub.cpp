#include "mcp/hub.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/error.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kLongestSleep = 60 * kSecond;
constexpr Nanos kToEnd = 300 * kMillisecond;

int until_ms(Nanos at, Nanos now) {
  const Nanos left = std::clamp<Nanos>(at - now, 0, kLongestSleep);
  return static_cast<int>((left + kMillisecond - 1) / kMillisecond);
}

}  // namespace

McpHub::McpHub(std::vector<McpCommand> commands, McpTimes times, const std::string& version,
               std::function<void()> wake)
    : times_(times), wake_(std::move(wake)), bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!bell_) throw errno_error("cannot make an eventfd");
  for (McpCommand& command : commands) {
    views_.push_back({command.name, "starting", {}, command.confirm, command.free});
    servers_.emplace_back(std::move(command), times, version);
  }
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);  // signals are the main thread's
  worker_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

McpHub::~McpHub() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_worker();
  worker_.join();
}

void McpHub::wake_worker() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(bell_.get(), &one, sizeof one);  // full: it is awake
}

std::uint64_t McpHub::version() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

std::vector<McpView> McpHub::views() const {
  const std::lock_guard lock(mutex_);
  return views_;
}

McpHub::CallId McpHub::call(std::size_t server, std::string tool, std::string arguments) {
  CallId id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = ++last_call_;
    orders_.push_back({id, server, std::move(tool), std::move(arguments)});
  }
  wake_worker();
  return id;
}

std::optional<McpResult> McpHub::take(CallId call) {
  const std::lock_guard lock(mutex_);
  const auto found = results_.find(call);
  if (found == results_.end()) return std::nullopt;
  McpResult result = std::move(found->second);
  results_.erase(found);
  return result;
}

void McpHub::cancel(CallId call) {
  {
    const std::lock_guard lock(mutex_);
    results_.erase(call);
    orders_.push_back({call, 0, {}, {}});
  }
  wake_worker();
}

void McpHub::run() {
  std::vector<pollfd> polls;
  for (;;) {
    const Nanos now = monotonic_now();
    obey(now);
    {
      const std::lock_guard lock(mutex_);
      if (stop_) break;
    }
    bool changed = false;
    Nanos next = now + kLongestSleep;
    polls.assign(1, {bell_.get(), POLLIN, 0});
    for (McpServer& server : servers_) {
      changed = server.tick(now) || changed;
      next = std::min(next, server.next_deadline());
      server.add_polls(polls);
    }
    publish(changed, now);
    if (::poll(polls.data(), polls.size(), until_ms(next, now)) < 0) continue;
    std::uint64_t rings = 0;
    if (polls[0].revents != 0) (void)!::read(bell_.get(), &rings, sizeof rings);
    const Nanos later = monotonic_now();
    for (McpServer& server : servers_) server.handle(polls, later);
  }
  end_all();
}

void McpHub::obey(Nanos now) {
  std::vector<Order> orders;
  {
    const std::lock_guard lock(mutex_);
    orders.swap(orders_);
  }
  for (const Order& order : orders) {
    if (!order.tool.empty()) {
      const std::uint64_t call = servers_[order.server].call(order.tool, order.arguments, now);
      if (call != 0) underway_[order.id] = {order.server, call};
      const std::lock_guard lock(mutex_);
      if (call == 0) results_[order.id] = {true, "the server is not there at the moment"};
      continue;
    }
    if (const auto found = underway_.find(order.id); found != underway_.end()) {
      servers_[found->second.server].cancel(found->second.call, now);
      underway_.erase(found);
    }
    const std::lock_guard lock(mutex_);
    results_.erase(order.id);  // one that failed at once, after the cancel was told
  }
}

void McpHub::publish(bool changed, Nanos now) {
  bool news = changed;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      for (auto& [call, result] : servers_[i].take_results()) {
        const auto found =
            std::find_if(underway_.begin(), underway_.end(), [&, wanted = call](const auto& one) {
              return one.second.server == i && one.second.call == wanted;
            });
        if (found == underway_.end()) continue;
        results_[found->first] = std::move(result);
        underway_.erase(found);
        news = true;
      }
      if (!changed) continue;
      views_[i].words = servers_[i].words(now);
      views_[i].tools = servers_[i].tools();
    }
    if (changed) ++changes_;
  }
  if (news) wake_();
}

// All at once: each may end by itself, for a moment.
void McpHub::end_all() {
  const Nanos until = monotonic_now() + kToEnd;
  for (McpServer& server : servers_) server.ask_to_end();
  std::vector<pollfd> polls;
  for (const McpServer& server : servers_)
    if (server.status() >= 0) polls.push_back({server.status(), POLLIN, 0});
  while (!polls.empty()) {
    if (::poll(polls.data(), polls.size(), until_ms(until, monotonic_now())) <= 0) break;
    std::erase_if(polls, [](const pollfd& one) { return one.revents != 0; });
  }
  servers_.clear();
}

}  // namespace prot::brain
