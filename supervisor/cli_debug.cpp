// prot debug.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

DebugRequest complete(const CliRequest& request) {
  using Tool = DebugRequest::Tool;
  DebugRequest debug = request.debug;
  debug.arguments = request.passed_on;
  if (!debug.arguments.empty()) debug.arguments.erase(debug.arguments.begin());  // the "--"
  if (debug.port != 0) debug.tool = Tool::kGdbServer;
  if (debug.tool == Tool::kValgrind || debug.tool == Tool::kRr || debug.wait) debug.launch = true;
  return debug;
}

std::vector<std::string> texts(const json::View& list) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < list.size(); ++i) result.emplace_back(list.at(i).as_string());
  return result;
}

DebugTarget target_of(const json::View& reply, std::vector<UniqueFd> files) {
  DebugTarget target;
  target.pid = reply.get("pid").as_int(-1);
  target.path = reply.get("path").as_string();
  target.argv = texts(reply.get("argv"));
  target.environment = texts(reply.get("environment"));
  const json::View numbers = reply.get("files");
  if (numbers.size() != files.size()) throw Error("the supervisor sent an incomplete set of descriptors");
  for (std::size_t i = 0; i < files.size(); ++i)
    target.files.emplace_back(std::move(files[i]), static_cast<int>(numbers.at(i).as_int()));
  return target;
}

// Not an error: whatever happened to the supervisor, the debugger's own result counts.
void give_back(stage::ControlClient& client, const std::string& stage) {
  try {
    const json::Document reply = checked_reply(client.call(R"({"cmd":"release"})"));
    fmt::print(stderr, "prot: {} is given back ({}, generation {})\n", stage, reply.get("state").as_string(),
               reply.get("generation").as_int());
  } catch (const Error& e) {
    fmt::print(stderr, "prot: {} is given back: {}\n", stage, e.what());
  }
}

}  // namespace

int command_debug(const CliRequest& request, char** /*argv*/) {
  const DebugRequest debug = complete(request);
  require_debugger(debug.tool);
  stage::ControlClient client(instance_paths(request.instance));
  json::Writer ask;
  ask.begin_object()
      .member("cmd", "debug")
      .member("stage", request.stage)
      .member("launch", debug.launch)
      .member("wait", debug.wait)
      .end_object();
  if (debug.wait)
    fmt::print(stderr, "prot: waiting for the next process of {}: when it dies, or is restarted\n",
               request.stage);
  std::vector<UniqueFd> files;
  const json::Document reply = checked_reply(client.call(ask.str(), files));
  DebugTarget target = target_of(reply.root(), std::move(files));
  const std::string what =
      debug.launch ? std::string("its next process") : fmt::format("process {}", target.pid);
  fmt::print(stderr, "prot: {} is held ({}, generation {}) until you leave the debugger\n", request.stage,
             what, reply.get("generation").as_int());
  if (debug.tool == DebugRequest::Tool::kGdbServer)
    fmt::print(stderr, "prot: gdb -ex 'target remote 127.0.0.1:{}'\n", debug.port);
  const std::vector<std::string> command = debugger_command(debug, target);
  const DebuggerEnd end = run_debugger(command, std::move(target), client.fd());
  if (!end.taken_away) give_back(client, request.stage);
  return end.code;
}

}  // namespace prot::supervisor
