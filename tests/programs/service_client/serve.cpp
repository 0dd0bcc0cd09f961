#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/error.hpp"
#include "service_client.hpp"

namespace prot::test {
namespace {

constexpr Nanos kTendEvery = kSecond;

double seconds(Nanos at) { return static_cast<double>(at) / static_cast<double>(kSecond); }

void print(const json::Writer& line) {
  std::puts(line.str().c_str());
  std::fflush(stdout);
}

void print(const Outcome& outcome) {
  json::Writer line;
  line.begin_object().member("text", outcome.text).member("failure", outcome.failure);
  line.member("message", outcome.message).member("at", seconds(monotonic_now())).end_object();
  print(line);
}

/// Standard input by lines.
class Lines {
 public:
  /// False: it has ended.
  bool read_more() {
    std::array<char, 65536> buffer;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got > 0) text_.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0 || (got < 0 && errno == EINTR);
  }
  std::optional<std::string> next() {
    const std::size_t end = text_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }

 private:
  std::string text_;
};

void obey(ServiceClient& client, const std::string& line) {
  const json::Document order = json::parse(line);
  if (!order.get("cancel").as_bool()) return client.ask(order.root());
  const Nanos at = monotonic_now();
  client.cancel();
  json::Writer told;
  told.begin_object().member("cancelled", seconds(at)).end_object();
  print(told);
}

}  // namespace

void serve(ServiceClient& client, int bell) {
  Lines lines;
  std::array<pollfd, 2> polls = {{{STDIN_FILENO, POLLIN, 0}, {bell, POLLIN, 0}}};
  Nanos tend_at = monotonic_now() + kTendEvery;
  bool idle = true;
  for (;;) {
    const Nanos now = monotonic_now();
    const Nanos wait = std::clamp<Nanos>(std::min(client.next_deadline(), tend_at) - now, 0, kTendEvery);
    if (::poll(polls.data(), polls.size(), static_cast<int>((wait + kMillisecond - 1) / kMillisecond)) < 0 &&
        errno != EINTR)
      throw errno_error("cannot wait");
    std::uint64_t rings = 0;
    if (polls[1].revents != 0) (void)!::read(bell, &rings, sizeof rings);
    if (polls[0].revents != 0 && !lines.read_more()) return;
    while (const std::optional<std::string> line = lines.next()) {
      obey(client, *line);
      idle = false;
    }
    while (const std::optional<Outcome> outcome = client.poll()) {
      print(*outcome);
      idle = true;
    }
    if (monotonic_now() < tend_at) continue;
    if (idle) client.tend();
    tend_at = monotonic_now() + kTendEvery;
  }
}

}  // namespace prot::test
