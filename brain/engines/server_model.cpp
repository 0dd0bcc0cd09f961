#include "engines/server_model.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "http/url.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;
using State = AnswerReader::State;

constexpr Nanos kFirstBackOff = 100 * kMillisecond;
constexpr Nanos kLimitedBackOff = 500 * kMillisecond;  // when there were too many requests
constexpr Nanos kMaxBackOff = kSecond;
constexpr Nanos kPrefillTimeout = 60 * kSecond;  // nobody waits for it; a cold start takes its time
constexpr Nanos kMaxRetryAfter = 2 * kSecond;    // a person waits: longer is a failure
constexpr std::size_t kLargestObject = 1U << 20U;
constexpr std::size_t kMostReceived = 16U << 20U;  // of an answer, whatever it is

Failure failure_of(const http::Event& event, ErrorClass error) {
  return {error, event.message, event.retry_after, event.status == 429, event.no_retry};
}

bool passes(ErrorClass error) noexcept {
  return error == ErrorClass::kRetry || error == ErrorClass::kOverloaded;
}

}  // namespace

ServerModel::ServerModel(ServerOptions options, std::unique_ptr<ServerProtocol> protocol,
                         std::function<void()> wake)
    : options_(std::move(options)), protocol_(std::move(protocol)), client_(std::move(wake)) {}

Nanos ServerModel::patience(const Request& request) const noexcept {
  const Nanos own = request.prefill ? kPrefillTimeout : options_.first_byte_timeout;
  return request.first_event_limit > 0 ? std::min(own, request.first_event_limit) : own;
}

RequestId ServerModel::start(const Request& request, Nanos now) {
  const RequestId id = ++last_id_;
  Call& call = calls_[id];
  call.request = request;
  call.body = protocol_->body(request, {});
  call.give_up_at = now + patience(request);
  call.end_by = call.give_up_at + options_.answer_time;
  call.retry_until = options_.retry_for == kNever ? kNever : now + options_.retry_for;
  call.back_off = kFirstBackOff;
  send(call, now);
  return id;
}

void ServerModel::send(Call& call, Nanos now) {
  http::Request request;
  request.url = protocol_->endpoint();
  request.unix_socket = options_.unix_socket;
  request.headers = protocol_->headers();
  request.headers.emplace_back("content-type", "application/json");
  request.headers.emplace_back("accept", "text/event-stream");
  request.body = call.body;
  request.first_byte_timeout_ms = std::max<Nanos>(call.give_up_at - now, kMillisecond) / kMillisecond;
  request.connect_timeout_ms =
      std::min(options_.connect_timeout / kMillisecond, request.first_byte_timeout_ms);
  request.idle_timeout_ms = std::max(options_.idle_timeout, options_.slow_timeout) / kMillisecond;
  request.idle_timeout_ms = std::max(request.idle_timeout_ms, request.first_byte_timeout_ms);
  call.parser.reset();
  call.reader = protocol_->reader(call.request, call.carried);
  call.pace.excuse();
  call.object.clear();
  call.is_object = false;
  call.next_try = 0;
  call.silent_until = call.give_up_at;
  call.request_ns = now;
  ++call.attempts;
  call.transport = client_.start(std::move(request));
}

std::vector<ModelEvent> ServerModel::poll(Nanos now) {
  Out out;
  for (const http::Event& event : client_.poll()) on_transport(event, now, out);
  std::vector<RequestId> silent;
  for (auto& [id, call] : calls_) {
    if (call.next_try == 0 && std::min(call.silent_until, call.end_by) <= now) silent.push_back(id);
    if (call.next_try != 0 && call.next_try <= now) send(call, now);
  }
  for (const RequestId id : silent) on_silence(id, now, out);
  return out;
}

void ServerModel::cancel(RequestId id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  client_.cancel(it->second.transport);
  calls_.erase(it);
}

Nanos ServerModel::next_deadline() const {
  Nanos deadline = kNever;
  for (const auto& [id, call] : calls_) {
    const Nanos until = std::min(call.silent_until, call.end_by);
    deadline = std::min(deadline, call.next_try != 0 ? call.next_try : until);
  }
  return deadline;
}

void ServerModel::on_transport(const http::Event& event, Nanos now, Out& out) {
  const auto it = std::find_if(calls_.begin(), calls_.end(),
                               [&](const auto& item) { return item.second.transport == event.id; });
  if (it == calls_.end()) return;
  try {
    switch (event.kind) {
      case http::Event::Kind::kStatus:
        for (const auto& [name, value] : event.headers)
          if (name == "content-type") it->second.is_object = value.starts_with("application/json");
        return;
      case http::Event::Kind::kData:
        return on_data(it, event, now, out);
      case http::Event::Kind::kDone:
        return on_end(it, event.at, now, out);
      case http::Event::Kind::kError: {
        Out made;
        if (it->second.reader->end(true, made) == State::kOver) {  // everything had come
          client_.cancel(it->second.transport);
          pass(it->second, it->first, made, event.at, out);
          calls_.erase(it);
          return;
        }
        return on_failure(it, failure_of(event, protocol_->classify(event)), event.at, now, out);
      }
    }
  } catch (const std::exception& error) {  // not JSON, or an event without end
    fail(it, {ErrorClass::kFatal, http::shown_url(protocol_->endpoint()) + ": " + error.what()}, event.at,
         out);
  }
}

void ServerModel::on_data(Calls::iterator it, const http::Event& event, Nanos now, Out& out) {
  Call& call = it->second;
  call.received += event.data.size();
  if (endless(call, now)) return cut(it, event.at, out);
  if (call.is_object) {
    call.silent_until = now + options_.idle_timeout;
    if (call.object.size() + event.data.size() > kLargestObject) throw Error("the answer is too long");
    call.object += event.data;
    return;
  }
  for (const http::SseEvent& sse : call.parser.push(event.data))
    if (!on_sse(it, sse, event.at, now, out)) return;
}

void ServerModel::on_end(Calls::iterator it, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  if (call.is_object && !call.object.empty()) {
    if (!on_sse(it, {{}, std::exchange(call.object, {}), {}}, at, now, out)) return;
  }
  for (const http::SseEvent& sse : call.parser.finish()) {
    try {
      if (!on_sse(it, sse, at, now, out)) return;
    } catch (const Error&) {  // the rest of it did not come
      const std::string why = http::shown_url(protocol_->endpoint()) + ": the stream ended within an event";
      return on_failure(it, {ErrorClass::kRetry, why}, at, now, out);
    }
  }
  Out made;
  const State state = call.reader->end(false, made);
  pass(call, it->first, made, at, out);
  (void)on_state(it, state, at, now, out);
}

bool ServerModel::on_sse(Calls::iterator it, const http::SseEvent& event, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  Out made;
  const State state = call.reader->take(event, made);
  pass(call, it->first, made, at, out);
  if (state != State::kOver && state != State::kFailed && endless(call, now)) {
    cut(it, at, out);
    return false;
  }
  if (call.reader->is_slow()) call.pace.excuse();
  const bool open = state == State::kIdle || state == State::kOpen;
  if (const Nanos limit = call.request.lag_limit; open && limit > 0 && call.pace.lag() > limit) {
    const std::string why = http::shown_url(protocol_->endpoint()) + ": its words come too slowly";
    on_failure(it, {ErrorClass::kRetry, why}, at, now, out);
    return false;
  }
  // A model that thinks may send something at once, and then nothing until its first word.
  const Nanos until = now + (call.reader->is_slow() ? options_.slow_timeout : options_.idle_timeout);
  if (state != State::kIdle) call.silent_until = call.useful ? until : std::max(until, call.give_up_at);
  return on_state(it, state, at, now, out);
}

void ServerModel::pass(Call& call, RequestId id, Out& made, Nanos at, Out& out) {
  for (ModelEvent& event : made) {
    event.id = id;
    event.request_ns = call.request_ns;
    event.at = at;
    call.useful = call.useful || event.kind == ModelEvent::Kind::kText;
    call.bytes += event.text.size();
    if (event.kind == ModelEvent::Kind::kText) call.pace.take(event.text, at);
    out.push_back(std::move(event));
  }
}

bool ServerModel::on_state(Calls::iterator it, State state, Nanos at, Nanos now, Out& out) {
  switch (state) {
    case State::kIdle:
    case State::kOpen:
      return true;
    case State::kOver:
      calls_.erase(it);  // the transport is let run out: its connection serves the next request
      return false;
    case State::kFailed:
      on_failure(it, it->second.reader->failure(), at, now, out);
      return false;
    case State::kAskAgain:
      ask_again(it, at, now, out);
      return false;
  }
  return false;
}

// What was said before the pause stays said: only the rest is asked for, and that as often as a new request.
void ServerModel::ask_again(Calls::iterator it, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  if (++call.pauses > kMostPauses)
    return fail(
        it,
        {ErrorClass::kFatal, http::shown_url(protocol_->endpoint()) + ": it pauses its answer without end"},
        at, out);
  call.carried = call.reader->carried();
  call.body = protocol_->body(call.request, call.carried);
  call.give_up_at = now + patience(call.request);
  call.retry_until = options_.retry_for == kNever ? kNever : now + options_.retry_for;
  call.back_off = kFirstBackOff;
  call.attempts = 0;
  call.useful = false;
  send(call, now);
}

void ServerModel::on_silence(RequestId id, Nanos now, Out& out) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  if (endless(it->second, now)) return cut(it, now, out);
  Out made;
  const bool whole = it->second.reader->end(true, made) == State::kOver;
  client_.cancel(it->second.transport);
  if (!whole)
    return on_failure(it, {ErrorClass::kRetry, http::shown_url(protocol_->endpoint()) + ": it is silent"},
                      now, now, out);
  pass(it->second, id, made, now, out);
  calls_.erase(it);
}

// Tries again when that may help, else kError.
void ServerModel::on_failure(Calls::iterator it, const Failure& failure, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  if (failure.limited && failure.retry_after == 0) call.back_off = std::max(call.back_off, kLimitedBackOff);
  const Nanos wait = std::max(call.back_off, failure.retry_after);
  const bool again = passes(failure.error) && !failure.no_retry && !call.useful && wait <= kMaxRetryAfter &&
                     now + wait < std::min(call.give_up_at, call.retry_until) &&
                     (options_.attempts == 0 || call.attempts < options_.attempts);
  if (!again) return fail(it, failure, at, out);
  client_.cancel(call.transport);
  call.transport = 0;
  call.next_try = now + wait;
  call.back_off = std::min(2 * call.back_off, kMaxBackOff);
}

bool ServerModel::endless(const Call& call, Nanos now) const noexcept {
  return now >= call.end_by || call.bytes > options_.answer_bytes || call.received > kMostReceived;
}

// What was said of it stays said: another model would only begin anew.
void ServerModel::cut(Calls::iterator it, Nanos at, Out& out) {
  Call& call = it->second;
  const std::string why = http::shown_url(protocol_->endpoint()) + ": its answer does not come to an end";
  if (call.bytes == 0) return fail(it, {ErrorClass::kRetry, why}, at, out);
  log_warn("{}; it is cut", why);
  client_.cancel(call.transport);
  ModelEvent made;
  made.kind = ModelEvent::Kind::kDone;
  made.id = it->first;
  made.request_ns = call.request_ns;
  made.at = at;
  made.stop = StopReason::kLength;
  calls_.erase(it);
  out.push_back(std::move(made));
}

void ServerModel::fail(Calls::iterator it, const Failure& failure, Nanos at, Out& out) {
  client_.cancel(it->second.transport);
  ModelEvent made;
  made.kind = ModelEvent::Kind::kError;
  made.id = it->first;
  made.request_ns = it->second.request_ns;
  made.at = at;
  made.error = failure.error;
  made.text = failure.why;
  if (failure.error == ErrorClass::kAuth && !options_.key_name.empty())
    made.text += options_.has_key ? ": check the key in " + options_.key_name
                                  : ": " + options_.key_name + " is not set";
  calls_.erase(it);
  out.push_back(std::move(made));
}

}  // namespace prot::brain
