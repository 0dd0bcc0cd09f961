#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "http/server.hpp"
#include "stage/event_loop.hpp"

namespace prot::web {

/// Questions of HTTP clients to a program of the instance (memory.sock, control.sock): each has a connection
/// of its own, one JSON object goes out, one comes back. Never blocks. Bounded: in number, in size, in time.
/// One thread (the loop's). Invariant: each question is answered exactly once. Lifetime: the loop lives
/// longer.
class Questions {
 public:
  enum class Framing {
    kLine,   // ends with '\n'
    kLength  // begins with four bytes, little-endian
  };
  struct Limits {
    std::size_t at_once = 4;
    std::size_t answer_bytes = 1U << 20U;
    Nanos within = 8 * kSecond;  // below the server's own
  };
  /// `answer`: JSON; empty: there is none, and `why` says so.
  using Tell = std::function<void(http::ConnectionId, std::string answer, std::string_view why)>;

  Questions(stage::EventLoop& loop, std::string path, Framing framing, Limits limits, Tell tell)
      : loop_(&loop), path_(std::move(path)), framing_(framing), limits_(limits), tell_(std::move(tell)) {}
  ~Questions();
  Questions(const Questions&) = delete;
  Questions& operator=(const Questions&) = delete;

  /// REQUIRES: `id` has no question under way. May answer before it returns.
  void ask(http::ConnectionId id, std::string_view json, Nanos now);
  /// Answers what is complete, broken or late. Returns how many.
  int pump(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }

 private:
  struct Question {
    UniqueFd socket;
    stage::EventLoop::WatchId readable = 0;
    std::string in;
    std::string answer;
    Nanos until = 0;
    bool over = false;
  };
  void read(Question& question) const;
  /// True: the answer is whole.
  [[nodiscard]] bool take_answer(Question& question) const;

  stage::EventLoop* loop_;
  std::string path_;
  Framing framing_;
  Limits limits_;
  Tell tell_;
  std::map<http::ConnectionId, Question> open_;
};

}  // namespace prot::web
