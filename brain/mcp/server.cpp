#include "mcp/server.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kMostRead = 1U << 20U;  // at once: the other servers have their turn
constexpr Nanos kToEnd = 2 * kSecond;
constexpr std::uint64_t kIdsOfASession = 1ULL << 32U;

// What it was given may be a key, and stands in no log. Paths are none, and explain.
std::string without_keys(std::string text, const std::vector<std::string>& environment) {
  constexpr std::size_t kShortestKey = 8;
  for (const std::string& pair : environment) {
    const std::size_t equals = std::min(pair.find('='), pair.size() - 1);
    const std::string value = pair.substr(equals + 1);
    if (value.size() < kShortestKey || value.starts_with('/')) continue;
    const std::string name = "(" + pair.substr(0, equals) + ")";
    for (std::size_t at = 0; (at = text.find(value, at)) != std::string::npos; at += name.size())
      text.replace(at, value.size(), name);
  }
  return text;
}

}  // namespace

McpServer::McpServer(McpCommand command, McpTimes times, std::string version)
    : command_(std::move(command)), times_(times), version_(std::move(version)) {}

const std::vector<McpTool>& McpServer::tools() const noexcept {
  static const std::vector<McpTool> none;
  return session_ && session_->has_list() ? session_->tools() : none;
}

std::string McpServer::words(Nanos now) const {
  if (session_ && session_->has_list()) {
    std::string out = fmt::format("{} tools", session_->tools().size());
    if (session_->left_out() > 0) out += fmt::format(", {} left out", session_->left_out());
    return out;
  }
  if (session_) return "starting";
  if (why_down_.empty()) return "not started";
  return fmt::format("down: {}; tried again in {} s", why_down_,
                     std::max<Nanos>(next_start_ - now, 0) / kSecond + 1);
}

void McpServer::start(Nanos now) {
  ++starts_;
  changed_ = true;
  last_words_.clear();
  try {
    child_ = std::make_unique<McpChild>(command_);
    session_.emplace(version_, times_.start_limit, now);
  } catch (const Error& error) {
    end(error.what(), now);
  }
}

// The reason is said in one line, and once as long as it stays the same.
void McpServer::end(const std::string& why, Nanos now) {
  const bool had_list = session_ && session_->has_list();
  if (session_) {
    session_->fail(why);
    for (auto& [id, result] : session_->take_results()) results_[calls_before_ + id] = std::move(result);
    calls_before_ += kIdsOfASession;
  }
  session_.reset();
  child_.reset();
  const bool was_healthy = ready_since_ != kNever && now - ready_since_ >= kHealthy;
  back_off_ = was_healthy || back_off_ == 0 ? kFirstBackOff : std::min(2 * back_off_, kLongestBackOff);
  next_start_ = now + back_off_;
  closed_until_ = kNever;
  ready_since_ = kNever;
  changed_ = true;
  if (std::exchange(why_down_, why) == why) return;
  log_warn("MCP server {} {}", command_.name, why);
  if (last_words_.empty()) return;
  // A traceback quotes what a tool was called with: what was said. Without tools nothing was said to it.
  if (had_list)
    log_content("MCP server {} wrote at last: {}", command_.name, last_words_);
  else
    log_warn("MCP server {} wrote at last: {}", command_.name, last_words_);
}

void McpServer::add_polls(std::vector<pollfd>& polls) const {
  if (!child_) return;
  polls.push_back({child_->status(), POLLIN, 0});
  if (child_->output() >= 0) polls.push_back({child_->output(), POLLIN, 0});
  if (child_->errors() >= 0) polls.push_back({child_->errors(), POLLIN, 0});
  if (child_->input() >= 0 && session_ && !session_->output().empty())
    polls.push_back({child_->input(), POLLOUT, 0});
}

void McpServer::handle(const std::vector<pollfd>& polls, Nanos now) {
  const auto happened = [&](int fd) {
    return fd >= 0 && std::any_of(polls.begin(), polls.end(),
                                  [fd](const pollfd& one) { return one.fd == fd && one.revents != 0; });
  };
  if (child_ && happened(child_->errors())) read_errors();
  if (child_ && happened(child_->output())) read_output(now);
  if (child_ && happened(child_->input())) write_input();
  if (child_ && session_->state() != McpSession::State::kBroken && happened(child_->status()))
    end(child_->end_words(), now);
}

void McpServer::read_output(Nanos now) {
  std::array<char, 64 * 1024> buffer;
  for (std::size_t total = 0; total < kMostRead && session_->state() != McpSession::State::kBroken;) {
    const ssize_t got = ::read(child_->output(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {  // its end tells more than this, and comes soon
      closed_until_ = now + kToEnd;
      return child_->close_output();
    }
    total += static_cast<std::size_t>(got);
    session_->feed({buffer.data(), static_cast<std::size_t>(got)}, now);
  }
}

// Only its newest line is of use: why it ended.
void McpServer::read_errors() {
  constexpr std::size_t kLongest = 160;
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(child_->errors(), buffer.data(), buffer.size());
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return child_->close_errors();
  if (got < 0) return;
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (const auto line = text.rfind('\n'); line != std::string_view::npos) text.remove_prefix(line + 1);
  if (text.empty()) return;
  const std::string line = without_keys(std::string(text), command_.environment);  // before it cuts one
  last_words_ = text::sanitize_utf8(text::truncate_utf8(line, kLongest));
}

void McpServer::write_input() {
  while (!session_->output().empty()) {
    const ssize_t sent = ::write(child_->input(), session_->output().data(), session_->output().size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return;  // it has closed its input: its end comes, or its time is over
    session_->written(static_cast<std::size_t>(sent));
  }
}

bool McpServer::tick(Nanos now) {
  if (!child_ && now >= next_start_) start(now);
  if (session_) watch(now);
  return std::exchange(changed_, false);
}

void McpServer::watch(Nanos now) {
  session_->tick(now);
  if (now >= closed_until_) session_->fail("has closed its output");
  if (session_->state() == McpSession::State::kBroken) return end(std::string(session_->failure()), now);
  if (!session_->output().empty()) write_input();
  if (!session_->has_list()) return;
  if (ready_since_ == kNever) {
    ready_since_ = now;
    log_info("MCP server {}: {}", command_.name, words(now));
    why_down_.clear();
    changed_ = true;
  }
  changed_ = changed_ || told_ != session_->tools();
  if (changed_) told_ = session_->tools();
}

Nanos McpServer::next_deadline() const noexcept {
  return session_ ? std::min(session_->next_deadline(), closed_until_) : next_start_;
}

void McpServer::ask_to_end() noexcept {
  if (child_) child_->close_input();
}

std::uint64_t McpServer::call(std::string_view tool, std::string_view arguments, Nanos now) {
  if (!session_ || !session_->has_list()) return 0;
  return calls_before_ + session_->call(tool, arguments, now);
}

void McpServer::cancel(std::uint64_t call, Nanos now) {
  results_.erase(call);
  if (session_ && call > calls_before_) session_->cancel(call - calls_before_, now);
}

std::map<std::uint64_t, McpResult> McpServer::take_results() {
  std::map<std::uint64_t, McpResult> out = std::exchange(results_, {});
  if (!session_) return out;
  for (auto& [id, result] : session_->take_results()) out[calls_before_ + id] = std::move(result);
  return out;
}

}  // namespace prot::brain
