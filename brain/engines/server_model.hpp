#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engines/word_pace.hpp"
#include "http/client.hpp"
#include "http/sse_parser.hpp"
#include "language_model.hpp"

namespace prot::brain {

struct Failure {
  http::ErrorClass error = http::ErrorClass::kFatal;
  std::string why;
  Nanos retry_after = 0;
  bool limited = false;   // there were too many requests: not again at once
  bool no_retry = false;  // the server asks not to be asked again
};

/// Reads one answer: events of a server's stream in, model events out (without id and times).
/// A reader is over after kOver, kFailed or kAskAgain. One thread.
class AnswerReader {
 public:
  enum class State {
    kIdle,      // the event says only that the server lives
    kOpen,      // more is to come
    kOver,      // kDone is out
    kFailed,    // see failure()
    kAskAgain,  // the server paused: it wants to be asked again with carried()
  };
  virtual ~AnswerReader() = default;
  /// One event, or the whole answer of a server that does not stream. Throws Error when it cannot be read.
  [[nodiscard]] virtual State take(const http::SseEvent& event, std::vector<ModelEvent>& out) = 0;
  /// The stream is over. `broken`: by an error of the transport.
  [[nodiscard]] virtual State end(bool broken, std::vector<ModelEvent>& out) = 0;
  [[nodiscard]] virtual const Failure& failure() const = 0;
  /// It is known to compute something that takes its time.
  [[nodiscard]] virtual bool is_slow() const { return false; }
  [[nodiscard]] virtual std::string carried() const { return {}; }
};

/// How one kind of server is spoken to. One thread.
class ServerProtocol {
 public:
  virtual ~ServerProtocol() = default;
  [[nodiscard]] virtual const std::string& endpoint() const = 0;
  [[nodiscard]] virtual http::Headers headers() const = 0;
  /// `carried`: what a paused answer has so far; empty: from the beginning.
  [[nodiscard]] virtual std::string body(const Request& request, const std::string& carried) const = 0;
  [[nodiscard]] virtual std::unique_ptr<AnswerReader> reader(const Request& request,
                                                             const std::string& carried) = 0;
  /// The class of an answer with a status of 400 or above, or of none.
  [[nodiscard]] virtual http::ErrorClass classify(const http::Event& error) const = 0;
};

struct ServerOptions {
  std::string name;         // as the board shows it
  std::string unix_socket;  // path; empty: TCP
  std::string key_name;     // where its key comes from, for the person; empty: it needs none
  bool has_key = false;
  Nanos connect_timeout = 5 * kSecond;      // of one attempt
  Nanos first_byte_timeout = 15 * kSecond;  // from start() to the first word, all attempts together
  Nanos retry_for = kNever;                 // no other attempt begins later
  Nanos idle_timeout = 15 * kSecond;        // between two events
  Nanos slow_timeout = 30 * kSecond;        // the same while the server says that it works on something
  int attempts = 0;                         // at most so many; 0: as many as the time allows
  Nanos answer_time = 300 * kSecond;        // behind those of the first word, for a whole answer
  std::size_t answer_bytes = 64U << 10U;    // of its text
  bool can_prefill = false;                 // our own server
};

/// A language model behind HTTP with server-sent events, whatever it speaks.
///
///   what the server does                           | what comes of it
///   400, 401, 402, 403, 422, 501, no JSON          | kError at once
///   408, 429, 500, 503, 529, refused, reset, EOF,  | before the first word again, after a growing pause or
///   the error event of a passing kind              | one it asks for, while time and attempts last; then
///                                                  | kError
///   it is silent, or sends nothing but comments    | kError after first_byte_timeout, later idle_timeout
///   it pauses its answer                           | asked again, at most kMostPauses times
///   its words come later than they are said        | kError, where Request::lag_limit bounds that
///   its answer does not come to an end             | kDone, kLength after answer_time or answer_bytes
///
/// One thread; the transport's worker calls `wake`. Invariant: a request ends within first_byte_timeout, or
/// its events are never further apart than the idle (or slow) timeout, and it ends within answer_time more.
class ServerModel : public LanguageModel {
 public:
  static constexpr int kMostPauses = 5;
  ServerModel(ServerOptions options, std::unique_ptr<ServerProtocol> protocol, std::function<void()> wake);

  RequestId start(const Request& request, Nanos now) override;
  [[nodiscard]] std::vector<ModelEvent> poll(Nanos now) override;
  void cancel(RequestId id) override;
  [[nodiscard]] Nanos next_deadline() const override;
  [[nodiscard]] const std::string& name() const override { return options_.name; }
  [[nodiscard]] bool can_prefill() const override { return options_.can_prefill; }
  /// The body of a request, exposed for tests of its byte stability.
  [[nodiscard]] std::string body_of(const Request& request) const { return protocol_->body(request, {}); }

 private:
  struct Call {
    Request request;
    std::string carried, body;
    Nanos give_up_at = 0, retry_until = 0;
    Nanos next_try = 0;  // 0: under way
    Nanos back_off = 0;
    Nanos silent_until = 0;               // later than that it is dead
    Nanos end_by = 0;                     // later than that it is endless
    std::size_t bytes = 0, received = 0;  // of its text; of all
    Nanos request_ns = 0;
    http::RequestId transport = 0;
    http::SseParser parser;
    std::unique_ptr<AnswerReader> reader;
    std::string object;  // the answer is one JSON object
    int attempts = 0, pauses = 0;
    WordPace pace;
    bool is_object = false;
    bool useful = false;  // a word was passed on: no second attempt
  };
  using Calls = std::map<RequestId, Call>;
  using Out = std::vector<ModelEvent>;

  [[nodiscard]] Nanos patience(const Request& request) const noexcept;
  void send(Call& call, Nanos now);
  void on_transport(const http::Event& event, Nanos now, Out& out);
  void on_data(Calls::iterator it, const http::Event& event, Nanos now, Out& out);
  void on_end(Calls::iterator it, Nanos at, Nanos now, Out& out);
  void on_silence(RequestId id, Nanos now, Out& out);
  [[nodiscard]] bool endless(const Call& call, Nanos now) const noexcept;
  void cut(Calls::iterator it, Nanos at, Out& out);
  /// False: the request is over, or begins anew.
  bool on_sse(Calls::iterator it, const http::SseEvent& event, Nanos at, Nanos now, Out& out);
  bool on_state(Calls::iterator it, AnswerReader::State state, Nanos at, Nanos now, Out& out);
  void ask_again(Calls::iterator it, Nanos at, Nanos now, Out& out);
  void on_failure(Calls::iterator it, const Failure& failure, Nanos at, Nanos now, Out& out);
  void fail(Calls::iterator it, const Failure& failure, Nanos at, Out& out);
  static void pass(Call& call, RequestId id, Out& made, Nanos at, Out& out);

  ServerOptions options_;
  std::unique_ptr<ServerProtocol> protocol_;
  http::Client client_;
  Calls calls_;
  RequestId last_id_ = 0;
};

}  // namespace prot::brain
