// prot reload
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <vector>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

std::vector<std::string_view> texts(const json::View& list) {
  std::vector<std::string_view> all;
  for (std::size_t i = 0; i < list.size(); ++i) all.push_back(list.at(i).as_string());
  return all;
}

}  // namespace

ConfigRequest config_request(const CliRequest& request) {
  ConfigRequest sources;
  sources.file_required = !request.config_file.empty();
  sources.file = sources.file_required ? fs::absolute(request.config_file).string()
                                       : instance_paths(request.instance).config.string();
  sources.env_file_required = !request.env_file.empty();
  std::error_code error;
  const fs::path env_file = fs::absolute(sources.env_file_required ? request.env_file : ".env", error);
  if (!error) sources.env_file = env_file.string();
  sources.overrides = request.overrides;
  sources.folder = fs::current_path(error).string();
  return sources;
}

int command_reload(const CliRequest& request, char** /*argv*/) {
  stage::ControlClient client(instance_paths(request.instance));
  json::Writer ask;
  ask.begin_object().member("cmd", "reload");
  if (!request.env_file.empty()) ask.member("env_file", fs::absolute(request.env_file).string());
  std::string reply = client.call(ask.end_object().str());
  const json::Document outcome = checked_reply(reply);
  if (request.json) {
    print_shown_json(reply);
  } else {
    for (const std::string_view line : texts(outcome.get("report"))) print_shown(stdout, "{}\n", line);
  }
  const std::vector<std::string_view> restarted = texts(outcome.get("restarted"));
  if (!restarted.empty()) fmt::print(stderr, "prot: restarting {}\n", fmt::join(restarted, ", "));
  if (!client.next(reply)) throw Error("the supervisor ended before everything was ready again");
  static_cast<void>(checked_reply(reply));
  return 0;
}

}  // namespace prot::supervisor
