#include "engines/scribe_link.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "engines/service_failure.hpp"
#include "http/masking.hpp"
#include "http/url.hpp"

namespace prot::stt {
namespace {

using Kind = scribe::Message::Kind;

constexpr Nanos kStartWithin = 3 * kSecond;  // from the first byte to session_started
constexpr Nanos kKeepAlive = 8 * kSecond;    // the service closes after 10 to 15 s without a chunk
constexpr Nanos kFirstBackOff = 500 * kMillisecond;
constexpr Nanos kLastBackOff = 30 * kSecond;
constexpr Nanos kLongestRetryAfter = 60 * kSecond;
constexpr Nanos kLivedWell = 60 * kSecond;  // a session that ends later does not count as a failure
constexpr Nanos kUnwanted = 30 * kSecond;   // for so long: what is lost is not opened again
constexpr Nanos kRefusedFor = 60 * kSecond;
constexpr Nanos kNextTry = 30 * kSecond;   // for a session that was to replace the old one
constexpr Nanos kNextUrl = 10 * kSecond;   // names are learned in quick succession
constexpr std::int64_t kSilentMs = 4'000;  // the service answers pings
constexpr std::size_t kMostUnknown = 16;

scribe::Message failure(FailureClass what, std::string text) {
  scribe::Message message;
  message.kind = Kind::kError;
  message.failure = what;
  message.text = std::move(text);
  return message;
}

FailureClass failure_of(const http::SocketEvent& event) {
  // A plan that is used up comes as 401 too.
  const std::string name = http::error_name(event.data);
  if (name.find("quota") != std::string::npos) return FailureClass::kQuota;
  return prot::stt::failure_of(event.error_class);
}

}  // namespace

ScribeLink::ScribeLink(const RecognizerOptions& options)
    : own_url_(scribe::session_url(options)),
      url_(own_url_),
      shown_(http::parse_url(url_).shown()),
      key_(options.api_key),
      plain_allowed_(options.plain_http),
      connect_timeout_(options.connect_timeout),
      session_limit_(options.session_limit),
      random_(static_cast<std::minstd_rand::result_type>(monotonic_now())),
      client_(options.wake) {}

ScribeLink::Session ScribeLink::open(Nanos now) {
  http::SocketRequest request;
  request.url = url_;
  request.headers = {{"xi-api-key", key_}};
  request.plain_allowed = plain_allowed_;
  request.connect_timeout_ms = request.handshake_timeout_ms = connect_timeout_ / kMillisecond;
  request.idle_timeout_ms = kSilentMs;
  Session session;
  session.id = client_.open(std::move(request));
  session.opened = session.sent = now;
  session.url = url_;
  return session;
}

void ScribeLink::want(Nanos now) {
  wanted_ = now;
  if (refused_ && now >= refused_until_) refused_.reset();
  if (current_ || refused_) return;
  if (reopen_at_ != kNever && told_to_wait_ && now < reopen_at_) return;
  reopen_at_ = kNever;
  current_ = open(now);
}

void ScribeLink::use_url(std::string url, Nanos now, bool quiet, bool urgent) {
  if (added_is_refused_) return;
  url_ = std::move(url);
  if (urgent) rotate_at_ = std::min(rotate_at_, now);
  const auto is_other = [this](const std::optional<Session>& session) {
    return session && session->url != url_;
  };
  if (is_other(next_)) {
    client_.close(next_->id);
    next_.reset();
  }
  if (!quiet || !is_other(current_) || current_->started) return;
  client_.close(current_->id);  // nobody waits for it yet
  current_ = open(now);
}

// REQUIRES: ready().
Nanos ScribeLink::replace_at() const {
  const Nanos due = current_->opened + (current_->url == url_ ? session_limit_ : 0);
  return std::max(due, rotate_at_);
}

// What was added to the configured address must be why.
void ScribeLink::give_up_added() {
  log_warn("{}: the service refuses the names that memory knows; going on without them", shown_);
  added_is_refused_ = true;
  url_ = own_url_;
}

void ScribeLink::renew(Nanos now) {
  if (current_) client_.close(current_->id);
  current_.reset();
  want(now);
}

bool ScribeLink::send(std::string message, Nanos now) {
  if (!client_.send(current_->id, std::move(message))) return false;
  current_->sent = now;
  current_->owes = true;
  return true;
}

void ScribeLink::cool() noexcept {
  if (current_) client_.close(current_->id);
  current_.reset();
  reopen_at_ = kNever;
}

void ScribeLink::drop_next(Nanos now) {
  if (next_) client_.close(next_->id);
  next_.reset();
  rotate_at_ = now + kNextTry;
}

// What was to replace the session does so now. False: there is none.
bool ScribeLink::promote(Nanos now) {
  if (!next_) return false;
  current_ = std::exchange(next_, std::nullopt);
  rotate_at_ = now + kNextUrl;
  return true;
}

// What happens next depends on whether the same would fail again.
void ScribeLink::lose(scribe::Message why, Nanos retry_after, Nanos now, std::vector<Event>& out) {
  const bool lived = current_ && current_->started && now - current_->opened >= kLivedWell;
  const bool added = current_ && !current_->served && current_->url != own_url_;
  if (why.failure == FailureClass::kFatal && added) {
    give_up_added();
    why.failure = FailureClass::kRetry;
  }
  cool();
  if (lived) failures_ = 0;
  ++failures_;
  if (why.failure == FailureClass::kRetry && promote(now)) {
    log_info("{}: {}; the session that was to replace it goes on", shown_, why.text);
  } else if (why.failure == FailureClass::kRetry) {
    Nanos pause = 0;  // a connection that has just broken is worth a try at once
    told_to_wait_ = retry_after > 0 || why.code == "rate_limited" || why.code == "resource_exhausted";
    if (failures_ > 1 || told_to_wait_) {
      const unsigned doublings = std::min(failures_ > 1 ? failures_ - 2 : 0U, 6U);
      pause = std::min(kFirstBackOff << doublings, kLastBackOff);
      pause += pause / 4 * static_cast<Nanos>(random_() % 100) / 100;
    }
    pause = std::max(pause, std::min(retry_after, kLongestRetryAfter));
    reopen_at_ = now + pause;
    if (failures_ <= 2 && now - wanted_ >= kUnwanted)
      log_info("{}: {}; connecting again with the next words", shown_, why.text);
    else if (failures_ <= 2)
      log_warn("{}: {}; connecting again in {} ms", shown_, why.text, pause / kMillisecond);
  } else {
    refused_ = why;
    refused_until_ = now + kRefusedFor;
    drop_next(now);
    log_error("{}: {}; not tried again for {} s", shown_, why.text, kRefusedFor / kSecond);
  }
  Event event;
  event.kind = Event::Kind::kLost;
  event.message = std::move(why);
  event.at = monotonic_now();
  out.push_back(std::move(event));
  if (ready()) tell_ready(out);
}

void ScribeLink::tell_ready(std::vector<Event>& out) {
  Event event;
  event.at = monotonic_now();
  out.push_back(std::move(event));
}

// What the service says in its own words, and what this client does not know, which is named once.
void ScribeLink::note(const http::SocketEvent& event, const scribe::Message& message) {
  if (message.kind == Kind::kError || message.code == "warning")
    log_content("{}: {}", shown_, http::masked(event.data, {{"xi-api-key", key_}}, url_).substr(0, 1000));
  if (message.kind != Kind::kOther || message.code.empty() || unknown_.size() == kMostUnknown) return;
  if (unknown_.insert(message.code).second) log_info("{}: '{}' is not used", shown_, message.code);
}

std::vector<ScribeLink::Event> ScribeLink::poll(Nanos now, bool quiet) {
  std::vector<Event> out;
  for (const http::SocketEvent& event : client_.poll()) {
    if (current_ && event.id == current_->id)
      take(event, now, quiet, out);
    else if (next_ && event.id == next_->id)
      take_next(event, now);
  }
  look_at_time(now, quiet, out);
  return out;
}

void ScribeLink::take(const http::SocketEvent& event, Nanos now, bool quiet, std::vector<Event>& out) {
  switch (event.kind) {
    case http::SocketEvent::Kind::kOpen:
    case http::SocketEvent::Kind::kBinary:
      return;
    case http::SocketEvent::Kind::kText:
      return take_message(event, now, quiet, out);
    case http::SocketEvent::Kind::kClosed:
      if (event.close_code == 1000 && quiet && current_->started) {  // it was idle: opened again when needed
        cool();
        if (promote(now) && ready()) tell_ready(out);
        return;
      }
      return lose(failure(FailureClass::kRetry, event.message), 0, now, out);
    case http::SocketEvent::Kind::kError:
      return lose(failure(failure_of(event), event.message), event.retry_after, now, out);
  }
}

void ScribeLink::take_message(const http::SocketEvent& event, Nanos now, bool quiet,
                              std::vector<Event>& out) {
  Event taken;
  taken.kind = Event::Kind::kMessage;
  taken.message = scribe::parse(event.data);
  taken.at = event.at;
  note(event, taken.message);
  switch (taken.message.kind) {
    case Kind::kStarted:
      if (std::exchange(current_->started, true)) return;
      if (failures_ > 0) log_info("{}: connected", shown_);
      taken.kind = Event::Kind::kReady;
      break;
    case Kind::kError:
      // Behind a final text, or with nothing under way, it is about a commit that had nothing in it.
      if (taken.message.code == "input_error" && current_->started && (quiet || !current_->owes)) return;
      return lose(std::move(taken.message), 0, now, out);
    case Kind::kPartial:
    case Kind::kCommitted:
    case Kind::kEmpty:
      failures_ = 0;
      current_->served = true;
      current_->owes = taken.message.kind == Kind::kPartial;
      break;
    case Kind::kOther:
      return;
  }
  out.push_back(std::move(taken));
}

void ScribeLink::take_next(const http::SocketEvent& event, Nanos now) {
  const auto lose_next = [&](FailureClass why, const std::string& text) {
    if (why == FailureClass::kFatal && next_->url != own_url_) give_up_added();
    log_warn("{}: {}; the session before it goes on", shown_, text);
    drop_next(now);
  };
  switch (event.kind) {
    case http::SocketEvent::Kind::kOpen:
    case http::SocketEvent::Kind::kBinary:
      return;
    case http::SocketEvent::Kind::kClosed:
      return lose_next(FailureClass::kRetry, event.message);
    case http::SocketEvent::Kind::kError:
      return lose_next(failure_of(event), event.message);
    case http::SocketEvent::Kind::kText:
      break;
  }
  const scribe::Message message = scribe::parse(event.data);
  note(event, message);
  if (message.kind == Kind::kStarted) next_->started = true;
  if (message.kind == Kind::kError) lose_next(message.failure, message.text);
}

void ScribeLink::look_at_time(Nanos now, bool quiet, std::vector<Event>& out) {
  const auto beat = [&](std::optional<Session>& session) {
    if (!session || !session->started || now - session->sent < kKeepAlive) return;
    session->sent = now;
    (void)client_.send(session->id, scribe::audio_message({}, false));  // a full socket needs none
  };
  if (!current_ && reopen_at_ != kNever && now >= reopen_at_) {
    reopen_at_ = kNever;
    if (!quiet || now - wanted_ < kUnwanted)
      current_ = open(now);
    else if (failures_ == 1)
      failures_ = 0;  // it only ended: nothing is wrong
  }
  if (current_ && !current_->started && now - current_->opened >= kStartWithin)
    lose(failure(FailureClass::kRetry, "no session_started for 3 s"), 0, now, out);
  if (next_ && !next_->started && now - next_->opened >= kStartWithin) drop_next(now);
  const bool old = ready() && now - current_->opened >= session_limit_;
  if (old && quiet && now - wanted_ >= session_limit_) {
    if (next_) drop_next(now);
    return cool();
  }
  if (ready() && !next_ && now >= replace_at()) next_ = open(now);
  if (quiet && next_ && next_->started && ready()) {
    client_.close(current_->id);
    (void)promote(now);
    tell_ready(out);
  }
  beat(current_);
  beat(next_);
}

Nanos ScribeLink::deadline(bool quiet) const {
  Nanos next = kNever;
  if (current_ && !current_->started) next = std::min(next, current_->opened + kStartWithin);
  if (!current_) next = std::min(next, reopen_at_);
  for (const std::optional<Session>* session : {&current_, &next_})
    if (*session && (*session)->started) next = std::min(next, (*session)->sent + kKeepAlive);
  if (next_ && !next_->started) next = std::min(next, next_->opened + kStartWithin);
  if (quiet && ready() && !next_) next = std::min(next, replace_at());
  return next;
}

}  // namespace prot::stt
