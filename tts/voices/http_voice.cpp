#include "voices/http_voice.hpp"

#include <utility>

namespace prot::tts {
namespace {
constexpr std::int64_t kConnectMs = 2'000;
}

HttpVoice::HttpVoice(std::string_view name, const Clock* clock, Nanos timeout,
                     const std::function<void()>& wake)
    : ServiceVoice(name, clock), timeout_(timeout), client_(wake) {}

void HttpVoice::connect(http::Request request) {
  request.method = "GET";
  request.connect_timeout_ms = kConnectMs;
  request.total_timeout_ms = 2 * kConnectMs;
  (void)client_.start(std::move(request));
}

void HttpVoice::ask() {
  std::optional<http::Request> request = make_request();
  if (!request) return;
  request->connect_timeout_ms = kConnectMs;
  request->first_byte_timeout_ms = request->idle_timeout_ms = timeout_ / kMillisecond;
  id_ = client_.start(std::move(*request));
}

void HttpVoice::receive() {
  for (const http::Event& event : client_.poll())
    if (id_ != 0 && event.id == id_) take(event);
}

void HttpVoice::take(const http::Event& event) {
  switch (event.kind) {
    case http::Event::Kind::kStatus:
      return take_headers(event.headers);
    case http::Event::Kind::kData:
      return take_data(event.data, event.at);
    case http::Event::Kind::kDone:
      id_ = 0;
      return take_end(event.at);
    case http::Event::Kind::kError:
      id_ = 0;
      return fail(error_of(event), event.message, event.retry_after);
  }
}

void HttpVoice::hang_up() noexcept {
  if (id_ != 0) client_.cancel(std::exchange(id_, 0));
}

}  // namespace prot::tts
