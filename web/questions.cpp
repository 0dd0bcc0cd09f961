#include "questions.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "line_link.hpp"

namespace prot::web {
namespace {

constexpr std::size_t kHead = sizeof(std::uint32_t);

std::string framed(std::string_view json, Questions::Framing framing) {
  if (framing == Questions::Framing::kLine) return std::string(json) + "\n";
  const auto size = static_cast<std::uint32_t>(json.size());
  std::string text(kHead, '\0');
  std::memcpy(text.data(), &size, kHead);
  return text.append(json);
}

}  // namespace

Questions::~Questions() {
  for (auto& [id, question] : open_) loop_->unwatch(question.readable);
}

void Questions::ask(http::ConnectionId id, std::string_view json, Nanos now) {
  if (open_.size() >= limits_.at_once) return tell_(id, {}, "too many questions at once; try again");
  UniqueFd socket = connect_unix_now(path_);
  const std::string text = framed(json, framing_);
  // A new connection has room for a question, or whoever is there takes none.
  if (!socket || ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
                     static_cast<ssize_t>(text.size()))
    return tell_(id, {}, "nobody is there");
  Question& question = open_[id];
  question.socket = std::move(socket);
  question.until = now + limits_.within;
  question.readable = loop_->watch_readable(question.socket.get(), [this, &question] { read(question); });
}

void Questions::read(Question& question) const {
  std::array<char, 16384> buffer;
  const ssize_t got = ::recv(question.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) question.in.append(buffer.data(), static_cast<std::size_t>(got));
  if (got <= 0 || take_answer(question) || question.in.size() > limits_.answer_bytes) {
    question.over = true;
    loop_->unwatch(std::exchange(question.readable, 0));
  }
}

bool Questions::take_answer(Question& question) const {
  const std::string& in = question.in;
  if (framing_ == Framing::kLine) {
    const std::size_t end = in.find('\n');
    if (end == std::string::npos) return false;
    question.answer = in.substr(0, end);
    return true;
  }
  std::uint32_t size = 0;
  if (in.size() < kHead) return false;
  std::memcpy(&size, in.data(), kHead);
  if (in.size() - kHead < size) return false;
  question.answer = in.substr(kHead, size);
  return true;
}

int Questions::pump(Nanos now) {
  int answered = 0;
  for (auto it = open_.begin(); it != open_.end();) {
    Question& question = it->second;
    if (!question.over && now < question.until) {
      ++it;
      continue;
    }
    ++answered;
    if (question.readable != 0) loop_->unwatch(question.readable);
    tell_(it->first, std::move(question.answer), question.over ? "it gave no answer" : "no answer in time");
    it = open_.erase(it);
  }
  return answered;
}

Nanos Questions::next_deadline() const noexcept {
  Nanos next = kNever;
  for (const auto& [id, question] : open_) next = question.over ? 0 : std::min(next, question.until);
  return next;
}

}  // namespace prot::web
