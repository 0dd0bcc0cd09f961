#pragma once

#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engines/scribe_protocol.hpp"
#include "http/web_socket.hpp"

namespace prot::stt {

/// The connection to ElevenLabs' realtime recognition: one session that is kept warm, made anew when it
/// breaks, and replaced before it is too old while nothing is said (the new one is ready before the old one
/// is closed). Not thread-safe; never blocks. Invariant: what poll() returns is about the newest session
/// only; a lost session is told once.
///
///   state    | what comes                       | does                                   | next
///   cold     | want()                           | opens a session                        | opening
///   opening  | session_started                  | tells kReady                           | ready
///   opening, | an error to try again, the end,  | tells kLost                            | waiting
///     ready  | or no session_started in time    |                                        |
///   opening, | an error that will come again    | tells kLost                            | refused
///     ready  |                                  |                                        |
///   ready    | closed with 1000 and unused,     | nothing: want() opens another          | cold
///            | or old and not wanted any more   |                                        |
///   ready    | 8 s without audio                | sends an empty chunk                   | ready
///   ready    | old, or of another URL, and      | opens another, swaps, tells kReady     | ready
///            | nothing is said                  |                                        |
///   ready    | lost, and that other is there    | goes on with it, tells kLost, kReady   | ready
///   waiting  | the time is over; want(), unless | opens a session                        | opening
///            | the service asked to wait        |                                        |
///   waiting  | the time is over, and nobody has | nothing: want() opens another          | cold
///            | wanted it for half a minute      |                                        |
///   refused  | want() after a minute            | opens a session                        | opening
class ScribeLink {
 public:
  struct Event {
    enum class Kind { kReady, kMessage, kLost };
    Kind kind = Kind::kReady;
    scribe::Message message;  // kMessage; kLost: failure and text
    Nanos at = 0;             // when it came, CLOCK_MONOTONIC
  };

  explicit ScribeLink(const RecognizerOptions& options);

  /// The address of the sessions from now on; one that is open is replaced while nothing is said, `urgent` or
  /// not more often than every ten seconds. When the service refuses it, the one that was configured counts
  /// again, and no other.
  void use_url(std::string url, Nanos now, bool quiet, bool urgent);
  /// There is, or soon will be, something to recognise.
  void want(Nanos now);
  /// Gives the session up and opens another.
  void renew(Nanos now);
  [[nodiscard]] bool ready() const noexcept { return current_ && current_->started; }
  /// Why want() does not help now; nothing: it does.
  [[nodiscard]] const std::optional<scribe::Message>& refused() const noexcept { return refused_; }
  /// There is no session, although one was tried.
  [[nodiscard]] bool in_trouble() const noexcept { return failures_ > 0 && !ready(); }
  /// False: it was not taken; once more later. REQUIRES: ready().
  [[nodiscard]] bool send(std::string message, Nanos now);
  /// `quiet`: the service owes nothing, and has nothing that is not answered.
  [[nodiscard]] std::vector<Event> poll(Nanos now, bool quiet);
  /// When to poll again although nothing came.
  [[nodiscard]] Nanos deadline(bool quiet) const;
  [[nodiscard]] const std::string& shown() const noexcept { return shown_; }

 private:
  struct Session {
    http::SocketId id = 0;
    std::string url;
    bool started = false;
    bool served = false;  // it has said something about audio
    bool owes = false;    // the final text of what was sent
    Nanos opened = 0;
    Nanos sent = 0;
  };

  [[nodiscard]] Session open(Nanos now);
  void take(const http::SocketEvent& event, Nanos now, bool quiet, std::vector<Event>& out);
  void take_next(const http::SocketEvent& event, Nanos now);
  void take_message(const http::SocketEvent& event, Nanos now, bool quiet, std::vector<Event>& out);
  void look_at_time(Nanos now, bool quiet, std::vector<Event>& out);
  void lose(scribe::Message why, Nanos retry_after, Nanos now, std::vector<Event>& out);
  void cool() noexcept;
  void drop_next(Nanos now);
  [[nodiscard]] bool promote(Nanos now);
  void give_up_added();
  static void tell_ready(std::vector<Event>& out);
  void note(const http::SocketEvent& event, const scribe::Message& message);
  [[nodiscard]] Nanos replace_at() const;

  const std::string own_url_;  // as it is configured
  std::string url_;
  bool added_is_refused_ = false;
  const std::string shown_;
  const std::string key_;
  const bool plain_allowed_;
  const Nanos connect_timeout_;
  const Nanos session_limit_;
  std::optional<Session> current_;
  std::optional<Session> next_;  // to take its place
  std::optional<scribe::Message> refused_;
  Nanos refused_until_ = 0;
  Nanos reopen_at_ = kNever;  // waiting
  bool told_to_wait_ = false;
  Nanos wanted_ = 0;               // the last time
  Nanos rotate_at_ = 0;            // not before
  unsigned failures_ = 0;          // in a row
  std::set<std::string> unknown_;  // kinds of messages that were named already
  std::minstd_rand random_;
  http::WebSocketClient client_;  // last: its worker wakes the owner of all this
};

}  // namespace prot::stt
