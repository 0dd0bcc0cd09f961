#include "wyoming/describe.hpp"

#include <chrono>
#include <semaphore>
#include <utility>

#include "base/error.hpp"

namespace prot::wyoming {

Event describe(const Address& address, std::int64_t limit_ms) {
  std::counting_semaphore<> news(0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  Link link([&] { news.release(); });  // behind what its worker calls, so that it goes first
  link.open(address, limit_ms);
  link.send(encoded("describe"));
  // The clock is asked, too: from a flood the semaphore is had at any time.
  while (news.try_acquire_until(until) && std::chrono::steady_clock::now() < until) {
    for (LinkEvent& event : link.poll()) {
      if (event.kind == LinkEvent::Kind::kClosed || event.kind == LinkEvent::Kind::kError)
        throw Error(event.message);
      if (event.kind == LinkEvent::Kind::kEvent && event.event.type == "info") return std::move(event.event);
    }
  }
  throw Error(address.shown + ": no answer for " + std::to_string(limit_ms) + " ms");
}

}  // namespace prot::wyoming
