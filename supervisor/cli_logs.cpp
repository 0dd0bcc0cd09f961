// prot logs: from the running supervisor and from the files; prot log-level.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "base/terminal_words.hpp"
#include "cli.hpp"
#include "log_file.hpp"
#include "log_line.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

/// A line with its place in time: RFC 3339 in UTC sorts as text.
struct Stamped {
  std::string time;
  std::string line;
};

std::string time_in(const std::string& line) {
  constexpr std::string_view kBefore = R"({"ts":")";
  return line.starts_with(kBefore) ? line.substr(kBefore.size(), 27) : std::string();
}

// False: nobody reads any more.
bool print_line(const std::string& line, bool json, bool colour) {
  const std::optional<LogRecord> record = json ? std::nullopt : parse_log_line(line);
  const std::string text = record ? to_text(*record, colour) : json ? shown_json(line) : shown_line(line);
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fputc('\n', stdout) != EOF;
}

/// The newest lines of the files, and those in `known`, in the order of time, each once.
std::vector<std::string> merged(const CliRequest& request, const fs::path& folder,
                                const std::vector<std::string>& known) {
  std::vector<Stamped> all;
  const std::set<std::string> seen(known.begin(), known.end());
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".log" || (!request.stage.empty() && name != request.stage)) continue;
    std::string time;  // of a line in another form: that of the one before
    for (std::string& line : tail_of_log(entry.path(), request.lines)) {
      if (std::string own = time_in(line); !own.empty()) time = std::move(own);
      if (!seen.contains(line)) all.push_back({time, std::move(line)});
    }
  }
  for (const std::string& line : known) all.push_back({time_in(line), line});
  std::stable_sort(all.begin(), all.end(),
                   [](const Stamped& a, const Stamped& b) { return a.time < b.time; });
  std::vector<std::string> lines;
  for (std::size_t i = all.size() - std::min(request.lines, all.size()); i < all.size(); ++i)
    lines.push_back(std::move(all[i].line));
  return lines;
}

}  // namespace

int command_logs(const CliRequest& request, char** /*argv*/) {
  const InstancePaths paths = instance_paths(request.instance);
  const bool colour = wants_colour(STDOUT_FILENO);
  std::unique_ptr<stage::ControlClient> client;
  std::vector<std::string> known;  // what the supervisor has in memory
  try {
    client = std::make_unique<stage::ControlClient>(paths);
  } catch (const Error& e) {
    if (request.follow || e.exit_code() != 3) throw;
  }
  std::string reply;
  if (client != nullptr) {
    json::Writer ask;
    ask.begin_object()
        .member("cmd", "logs")
        .member("stage", request.stage)
        .member("lines", request.lines)
        .member("follow", request.follow)
        .end_object();
    stage::send_message(client->fd(), ask.str());
    while (client->next(reply)) {
      const json::Document message = checked_reply(reply);
      if (message.get("live").as_bool()) break;
      known.push_back(std::move(reply));
    }
  }
  // The memory holds the newest 64 KiB of each; older lines are in the files alone.
  const std::vector<std::string> lines = merged(request, paths.state / "log", known);
  if (client == nullptr && lines.empty())
    throw Error("instance '" + paths.instance + "' is not running and has left no log" +
                    (request.stage.empty() ? "" : " of '" + request.stage + "'"),
                3);
  for (const std::string& line : lines)
    if (!print_line(line, request.json, colour)) return 0;
  if (std::fflush(stdout) != 0 || !request.follow) return 0;
  while (client->next(reply)) {
    static_cast<void>(checked_reply(reply));
    if (!print_line(reply, request.json, colour) || std::fflush(stdout) != 0) return 0;
  }
  return 0;
}

int command_log_level(const CliRequest& request, char** /*argv*/) {
  stage::ControlClient client(instance_paths(request.instance));
  json::Writer ask;
  ask.begin_object()
      .member("cmd", "log-level")
      .member("level", request.text)
      .member("stage", request.stage)
      .end_object();
  static_cast<void>(checked_reply(client.call(ask.str())));
  return 0;
}

}  // namespace prot::supervisor
