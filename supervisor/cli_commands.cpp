// The commands that ask a running supervisor something.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "json/json.hpp"
#include "log_store.hpp"
#include "programs.hpp"
#include "stage/config.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

constexpr int kNotRunning = 3, kUnknownStage = 4, kTimeout = 5, kDeferred = 7;

Nanos after(double seconds) {
  return monotonic_now() + static_cast<Nanos>(std::clamp(seconds, 0.0, 1e6) * static_cast<double>(kSecond));
}

std::int64_t milliseconds(double seconds) {
  return static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e6) * 1000);
}

// False: the time is over.
bool readable_before(int fd, Nanos until) {
  for (;;) {
    const Nanos left = until == kNever ? kNever : until - monotonic_now();
    if (left <= 0) return false;
    pollfd p{fd, POLLIN, 0};
    const int ms = until == kNever ? -1 : static_cast<int>(left / kMillisecond) + 1;
    const int ready = ::poll(&p, 1, ms);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw errno_error("poll");
  }
}

// Before the first of several is touched.
void require_known(const InstancePaths& paths, const std::vector<std::string>& stages) {
  if (stages.size() < 2) return;
  stage::ControlClient client(paths);
  const json::Document status = checked_reply(client.call(R"({"cmd":"status"})"));
  const json::View known = status.get("stages");
  for (const std::string& stage : stages) {
    bool found = false;
    for (std::size_t i = 0; i < known.size(); ++i)
      found = found || known.at(i).get("name").as_string() == stage;
    if (!found) throw Error("there is no stage '" + stage + "' (see: prot status)", kUnknownStage);
  }
}

}  // namespace

json::Document checked_reply(const std::string& reply) {
  json::Document document = json::parse(reply);
  if (document.get("error").is_string())
    throw Error(std::string(document.get("error").as_string()),
                static_cast<int>(document.get("code").as_int(1)));
  return document;
}

int command_down(const CliRequest& request, char** /*argv*/) {
  stage::ControlClient client(instance_paths(request.instance));
  stage::send_message(client.fd(), request.now ? R"({"cmd":"down","now":true})" : R"({"cmd":"down"})");
  const Nanos until = request.down_timeout_s > 0 ? after(request.down_timeout_s) : kNever;
  bool killed = false;
  std::string reply;
  for (;;) {
    if (!killed && !readable_before(client.fd(), until)) {
      if (!request.now) throw Error("it is not down yet; the stop goes on (see: prot status)", kTimeout);
      killed = true;
      stage::send_message(client.fd(), R"({"cmd":"down","kill":true})");
    }
    if (!client.next(reply)) throw Error("the supervisor ended before the drain was over");
    const json::Document message = checked_reply(reply);
    if (message.get("ok").as_bool()) {
      const std::int64_t drained = message.get("drained").as_int(-1);
      const std::int64_t deferred = message.get("deferred").as_int(-1);
      if (message.get("unknown").as_bool()) {
        fmt::print("DRAINED=unknown DEFERRED=unknown\n");
        return kDeferred;
      }
      if (drained >= 0) fmt::print("DRAINED={} DEFERRED={}\n", drained, deferred);
      return deferred > 0 ? kDeferred : 0;
    }
    print_shown(stderr, "prot: {}\n", message.get("progress").as_string());
  }
}

int command_program(const CliRequest& request, char** /*argv*/) {
  const InstancePaths paths = instance_paths(request.instance);
  require_known(paths, request.stages);
  // A connection each, so that they go through it side by side.
  std::vector<std::unique_ptr<stage::ControlClient>> clients;
  for (const std::string& stage : request.stages) {
    clients.push_back(std::make_unique<stage::ControlClient>(paths));
    json::Writer ask;
    ask.begin_object().member("cmd", request.command).member("stage", stage);
    ask.member("wait", !request.no_wait);
    if (request.drain) ask.member("drain", true).member("timeout_ms", milliseconds(request.drain_timeout_s));
    ask.end_object();
    stage::send_message(clients.back()->fd(), ask.str());
  }
  int code = 0;
  for (const auto& client : clients) {
    try {
      std::string reply;
      if (!client->next(reply)) throw Error("the supervisor closed the connection");
      static_cast<void>(checked_reply(reply));
    } catch (const Error& e) {
      print_shown(stderr, "prot: {}\n", full_message(e));
      if (code == 0) code = e.exit_code();
    }
  }
  return code;
}

int command_wait(const CliRequest& request, char** /*argv*/) {
  const InstancePaths paths = instance_paths(request.instance);
  json::Writer ask;
  ask.begin_object()
      .member("cmd", "wait")
      .member("for", request.text)
      .member("timeout_ms", milliseconds(request.timeout_s))
      .end_object();
  if (request.text == "ready") {
    stage::ControlClient client(paths);
    static_cast<void>(checked_reply(client.call(ask.str())));
    return 0;
  }
  try {
    stage::ControlClient client(paths);
    stage::send_message(client.fd(), ask.str());
    std::string reply;
    if (!readable_before(client.fd(), after(request.timeout_s))) throw Error("it is not down yet", kTimeout);
    if (client.next(reply)) static_cast<void>(checked_reply(reply));
  } catch (const Error& e) {
    if (e.exit_code() != kNotRunning) throw;
  }
  return 0;
}

int command_top(const CliRequest& request, char** /*argv*/) {
  const std::string path = find_program("prot-top");
  ::setenv("PROT_INSTANCE", request.instance.c_str(), 1);
  std::vector<std::string> arguments = {"prot-top"};
  arguments.insert(arguments.end(), request.passed_on.begin(), request.passed_on.end());
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  throw errno_error("cannot start " + path);
}

}  // namespace prot::supervisor
