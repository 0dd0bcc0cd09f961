// The commands that ask a running supervisor something.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "json/json.hpp"
#include "log_store.hpp"
#include "programs.hpp"
#include "stage/config.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

constexpr int kDeferred = 7;

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
  std::string reply = client.call(request.now ? R"({"cmd":"down","now":true})" : R"({"cmd":"down"})");
  for (;;) {
    const json::Document message = checked_reply(reply);
    if (message.get("ok").as_bool()) {
      const std::int64_t drained = message.get("drained").as_int(-1);
      const std::int64_t deferred = message.get("deferred").as_int(-1);
      if (drained >= 0) fmt::print("DRAINED={} DEFERRED={}\n", drained, deferred);
      return deferred > 0 ? kDeferred : 0;
    }
    fmt::print(stderr, "prot: {}\n", message.get("progress").as_string());
    if (!client.next(reply)) throw Error("the supervisor ended before the drain was over");
  }
}

int command_program(const CliRequest& request, char** /*argv*/) {
  stage::ControlClient client(instance_paths(request.instance));
  json::Writer ask;
  ask.begin_object().member("cmd", request.command).member("stage", request.stage).end_object();
  static_cast<void>(checked_reply(client.call(ask.str())));
  return 0;
}

int command_wait(const CliRequest& request, char** /*argv*/) {
  stage::ControlClient client(instance_paths(request.instance));
  json::Writer ask;
  ask.begin_object()
      .member("cmd", "wait")
      .member("for", request.text)
      .member("timeout_ms", static_cast<std::int64_t>(request.timeout_s * 1000))
      .end_object();
  static_cast<void>(checked_reply(client.call(ask.str())));
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
