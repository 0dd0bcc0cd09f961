#include "http/fetch.hpp"

#include <semaphore>
#include <utility>

#include "http/client.hpp"

namespace prot::http {

Response fetch(const Request& request, const std::stop_token& stop, std::size_t max_body) {
  std::counting_semaphore<> news(0);
  const std::stop_callback on_stop(stop, [&] { news.release(); });
  Client client([&] { news.release(); });  // after what its worker calls, so that it goes first
  client.start(request);
  Response response;
  while (true) {
    news.acquire();
    if (stop.stop_requested()) throw RequestError(ErrorClass::kRetry, 0, 0, "cancelled");
    for (Event& event : client.poll()) {
      switch (event.kind) {
        case Event::Kind::kStatus:
          response.status = event.status;
          response.headers = std::move(event.headers);
          break;
        case Event::Kind::kData:
          response.body += event.data;
          if (response.body.size() > max_body) {
            throw RequestError(ErrorClass::kFatal, response.status, 0, "the answer is longer than allowed");
          }
          break;
        case Event::Kind::kDone:
          return response;
        case Event::Kind::kError:
          throw RequestError(event.error_class, event.status, event.retry_after, event.message);
      }
    }
  }
}

}  // namespace prot::http
