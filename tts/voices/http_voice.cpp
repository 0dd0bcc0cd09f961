#include "voices/http_voice.hpp"

#include <utility>

namespace prot::tts {

HttpVoice::HttpVoice(std::string_view name, const Clock* clock, Limits limits,
                     const std::function<void()>& wake)
    : ServiceVoice(name, clock), limits_(limits), client_(wake) {}

void HttpVoice::connect(http::Request request) {
  request.method = "GET";
  request.connect_timeout_ms = limits_.connect / kMillisecond;
  request.total_timeout_ms = 2 * request.connect_timeout_ms;
  (void)client_.start(std::move(request));
}

void HttpVoice::ask() {
  std::optional<http::Request> request = make_request();
  if (!request) return;
  request->connect_timeout_ms = limits_.connect / kMillisecond;
  request->first_byte_timeout_ms = request->idle_timeout_ms = limits_.silence / kMillisecond;
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
