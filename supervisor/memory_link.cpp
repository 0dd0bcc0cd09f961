#include "memory_link.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/ownership.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {
constexpr int kTimeout = 5;       // exit code
constexpr time_t kPatience = 60;  // s: a page of a large memory on a slow disk
}  // namespace

MemoryLink::MemoryLink(const InstancePaths& paths, const std::string& socket, const std::string& whose)
    : whose_(whose) {
  try {
    socket_ = stage::connect_unix((paths.runtime / socket).string());
  } catch (const Untrusted&) {
    throw;
  } catch (const Error&) {
    const stage::ControlClient probe(paths);  // throws "not running", code 3
    throw Error(whose_ + " is not ready (see: prot status)");
  }
  const timeval patience{kPatience, 0};
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    throw errno_error("setsockopt");
}

json::Document MemoryLink::call(const std::string& request) {
  const std::string line = request + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) throw errno_error("cannot ask " + whose_);
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::array<char, 65536> buffer;
  std::size_t searched = 0;
  for (;;) {
    if (const std::size_t end = input_.find('\n', searched); end != std::string::npos) {
      reply_ = input_.substr(0, end);
      input_.erase(0, end + 1);
      break;
    }
    searched = input_.size();
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) throw Error(whose_ + " does not answer", kTimeout);
    if (got <= 0) throw Error(whose_ + " ended before it answered (see: prot status)");
    input_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  json::Document document = json::parse(reply_);
  if (document.get("error").is_string())
    throw Error(std::string(document.get("error").as_string()),
                static_cast<int>(document.get("code").as_int(1)));
  if (document.get("type").as_string() == "error")
    throw Error(std::string(document.get("message").as_string()));
  return document;
}

}  // namespace prot::supervisor
