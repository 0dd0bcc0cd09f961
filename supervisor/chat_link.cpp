#include "chat_link.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/ownership.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

constexpr Nanos kReconnectFor = 30 * kSecond;
constexpr Nanos kReconnectEvery = 100 * kMillisecond;
constexpr int kStopped = 130;  // as a shell says it of Ctrl-C

volatile std::sig_atomic_t pressed = 0;
volatile std::sig_atomic_t stale = 0;
sigset_t waiting_mask;

void on_signal(int number) noexcept {
  if (number == SIGINT) {
    pressed = 1;
  } else {
    stale = 1;
  }
}

constexpr std::array<int, 3> kSignals = {SIGINT, SIGWINCH, SIGCONT};

}  // namespace

// Blocked but in ppoll(): a signal between the look at the flag and the sleep would be slept over.
CtrlC::CtrlC() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : kSignals) {
    ::sigaction(number, &action, nullptr);
    sigaddset(&blocked, number);
  }
  ::sigprocmask(SIG_BLOCK, &blocked, &waiting_mask);
}

CtrlC::~CtrlC() {
  for (const int number : kSignals) ::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &waiting_mask, nullptr);
}

bool CtrlC::take() noexcept {
  const bool was = pressed != 0;
  pressed = 0;
  return was;
}

bool CtrlC::take_refresh() noexcept {
  const bool was = stale != 0;
  stale = 0;
  return was;
}

bool CtrlC::wait_readable(int fd) {
  pollfd watched{fd, POLLIN, 0};
  return ::ppoll(&watched, 1, nullptr, &waiting_mask) > 0;
}

void ChatLink::connect() {
  input_.clear();
  try {
    socket_ = stage::connect_unix((paths_.runtime / "chat.sock").string());
  } catch (const Untrusted&) {
    throw;
  } catch (const Error&) {
    const stage::ControlClient probe(paths_);  // throws "not running", code 3
    throw Error("the conversation is not ready yet (see: prot status)");
  }
  say_hello();
}

void ChatLink::reconnect() {
  const Nanos until = monotonic_now() + kReconnectFor;
  const timespec pause{0, kReconnectEvery};
  for (;;) {
    try {
      return connect();
    } catch (const Untrusted&) {
      throw;
    } catch (const Error& e) {
      if (e.exit_code() != 1 || monotonic_now() > until) throw;
    }
    (void)::ppoll(nullptr, 0, &pause, may_stop_ ? &waiting_mask : nullptr);
    if (may_stop_ && CtrlC::take()) throw Error("stopped", kStopped);
  }
}

bool ChatLink::is_gone() const noexcept {
  char byte = 0;
  return !socket_ || ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

bool ChatLink::send(const std::string& json) {
  const std::string line = json + "\n";
  std::string_view rest = line;
  while (socket_ && !rest.empty()) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) return false;
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return static_cast<bool>(socket_);
}

bool ChatLink::send_message(const std::string& content, const std::string& id) {
  json::Writer out;
  out.begin_object().member("type", "message").member("content", content).member("id", id);
  if (!conversation_.empty()) out.member("conversation", conversation_);
  return send(out.end_object().str());
}

bool ChatLink::send_stop() { return send(R"({"type":"stop"})"); }

ChatLink::Got ChatLink::next(json::Document& object) {
  std::array<char, 4096> buffer;
  for (;;) {
    if (const std::size_t end = input_.find('\n'); end != std::string::npos) {
      object = json::parse(std::string_view(input_).substr(0, end));
      input_.erase(0, end + 1);
      return Got::kObject;
    }
    if (!socket_) return Got::kGone;
    if (may_stop_ && !CtrlC::wait_readable(socket_.get())) {
      if (CtrlC::take()) return Got::kStopped;
      continue;
    }
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Got::kGone;
    input_.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

void ChatLink::say_hello() {
  json::Writer out;
  out.begin_object().member("type", "hello");
  if (!conversation_.empty()) out.member("conversation", conversation_);
  json::Document reply;
  const Got got = send(out.end_object().str()) ? next(reply) : Got::kGone;
  if (got == Got::kStopped) throw Error("stopped", kStopped);
  if (got == Got::kGone || reply.get("type").as_string() != "hello")
    throw Error("the conversation was closed");
  conversation_ = reply.get("conversation").as_string();
}

}  // namespace prot::supervisor
