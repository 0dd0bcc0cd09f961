#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "brain_bench.hpp"
#include "json/json.hpp"
#include "stage/control.hpp"

namespace prot::test {

/// A client of chat.sock; the bench's duty cycles run between its calls.
class ChatClient {
 public:
  explicit ChatClient(BrainBench& bench)
      : bench_(bench),
        socket_(stage::connect_unix((bench.context->environment().paths.runtime / "chat.sock").string())) {
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
    bench_.work();
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      bench_.work();
      if (sent < 0 && errno != EAGAIN) return;
    }
    bench_.work();
  }
  json::Document next() {
    for (int i = 0; i < 50; ++i) {
      if (const auto end = in_.find('\n'); end != std::string::npos) {
        const std::string line = in_.substr(0, end);
        in_.erase(0, end + 1);
        return json::parse(line);
      }
      bench_.work();
      char buffer[4096];
      const ssize_t got = ::read(socket_.get(), buffer, sizeof buffer);
      if (got > 0) in_.append(buffer, static_cast<std::size_t>(got));
      closed = closed || got == 0;
    }
    return json::parse("{}");
  }
  std::string type() { return std::string(next().get("type").as_string("nothing")); }

  bool closed = false;

 private:
  BrainBench& bench_;
  UniqueFd socket_;
  std::string in_;
};

}  // namespace prot::test
