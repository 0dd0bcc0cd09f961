#include "tools/entity_catalog.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "http/fetch.hpp"
#include "json/json.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kMaxList = 32U << 20U;

// Pieces of two characters that both have: of a Korean name as of an English one.
std::size_t likeness(std::string_view a, std::string_view b) {
  std::size_t count = 0;
  for (std::size_t at = 0; at + 3 <= a.size(); ++at)
    count += b.find(a.substr(at, 3)) != std::string_view::npos ? 1 : 0;
  return count;
}

std::string tail_of(std::string_view id) { return std::string(id.substr(id.find('.') + 1)); }

}  // namespace

std::string_view Entities::name_of(std::string_view id) const {
  const auto found = names.find(id);
  return found == names.end() || found->second.empty() ? id : std::string_view(found->second);
}

std::vector<std::string> Entities::like(std::string_view id, std::size_t most) const {
  const std::string wanted = text::normalize_nfkc_casefold(tail_of(id));
  const std::string_view domain = id.substr(0, id.find('.') + 1);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const auto& [known, name] : names) {
    std::size_t score =
        2 * std::max(likeness(wanted, tail_of(known)), likeness(wanted, text::normalize_nfkc_casefold(name)));
    if (!domain.empty() && known.starts_with(domain)) ++score;
    if (score > 0) found.emplace_back(score, known);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> out;
  for (std::size_t i = 0; i < found.size() && i < most; ++i) out.push_back(std::move(found[i].second));
  return out;
}

Entities read_entities(std::string_view states_json) {
  const json::Document document = json::parse(states_json);
  const json::View list = document.root();
  if (!list.is_array()) throw Error("the list of states is no list");
  Entities entities;
  for (std::size_t i = 0; i < list.size() && entities.names.size() < Entities::kMost; ++i) {
    const json::View state = list.at(i);
    const std::string_view name = state.get("attributes").get("friendly_name").as_string();
    if (const std::string_view id = state.get("entity_id").as_string(); !id.empty() && id.size() <= 255)
      entities.names.emplace(id, text::truncate_utf8(name, Entities::kLongestName));
  }
  return entities;
}

EntityCatalog::EntityCatalog(HomeLink& link, std::function<void()> wake)
    : link_(&link), wake_(std::move(wake)) {
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);  // signals are the main thread's
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

EntityCatalog::~EntityCatalog() = default;

std::shared_ptr<const Entities> EntityCatalog::entities() const {
  const std::lock_guard lock(mutex_);
  return entities_;
}

std::uint64_t EntityCatalog::tries() const {
  const std::lock_guard lock(mutex_);
  return tries_;
}

std::string EntityCatalog::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::uint64_t EntityCatalog::refresh() {
  const std::lock_guard lock(mutex_);
  if (busy_ || wants_) return tries_ + 1;
  if (tries_ > 0 && monotonic_now() - tried_at_ < kAtMostEvery) return tries_;
  wants_ = true;
  wanted_.notify_one();
  return tries_ + 1;
}

void EntityCatalog::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wanted_.wait_for(lock, stop, std::chrono::nanoseconds(kEvery), [this] { return wants_; });
      if (stop.stop_requested()) return;
      wants_ = false;
      busy_ = true;
    }
    fetch_once(stop);
    if (stop.stop_requested()) return;
    wake_();
  }
}

void EntityCatalog::fetch_once(const std::stop_token& stop) {
  std::shared_ptr<const Entities> fresh;
  std::string failure;
  try {
    if (link_->refused()) throw http::RequestError(http::ErrorClass::kAuth, 401, 0, "refused");
    const http::Response answer =
        http::fetch(link_->request("GET", "/api/states", kTimeLimit), stop, kMaxList);
    fresh = std::make_shared<const Entities>(read_entities(answer.body));
  } catch (const http::RequestError& error) {
    if (error.status() == 401 || error.status() == 403) link_->refuse();
    failure = link_->failure_of(error.status(), error.error_class(), {});
  } catch (const Error& error) {
    failure = std::string("Home Assistant's list of entities makes no sense: ") + error.what();
  }
  const std::lock_guard lock(mutex_);
  if (failure != failure_) {
    if (!failure.empty() && !stop.stop_requested()) log_warn("{}", failure);
    if (failure.empty()) log_info("Home Assistant answers again");
  }
  if (fresh && !entities_) log_info("Home Assistant has {} entities", fresh->names.size());
  if (fresh) entities_ = std::move(fresh);
  failure_ = std::move(failure);
  ++tries_;
  tried_at_ = monotonic_now();
  busy_ = false;
}

}  // namespace prot::brain
