#include "stage/environment.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/error.hpp"
#include "json/json.hpp"
#include "stage/control.hpp"

namespace prot::stage {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr)
    throw UsageError(std::string(name) +
                     " is not set: this program is started by 'prot up'; by hand, use --join INSTANCE");
  return value;
}

UniqueFd descriptor(const std::string& text) {
  const int fd = std::atoi(text.c_str());
  if (fd < 3 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) throw errno_error("inherited descriptor " + text);
  return UniqueFd(fd);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

// What the supervisor wrote for this process. Read by position: the file is shared with every process
// that inherited it.
std::string read_sealed(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::pread(fd, buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (n < 0) throw errno_error("cannot read a sealed file");
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace

StageEnvironment environment_from_process(const std::string& stage) {
  StageEnvironment env;
  env.stage = stage;
  env.paths = instance_paths(variable("PROT_INSTANCE"));
  env.run_id = variable("PROT_RUN");
  env.generation = static_cast<std::uint32_t>(std::strtoul(variable("PROT_GENERATION").c_str(), nullptr, 10));
  env.ready = descriptor(variable("PROT_READY_FD"));
  env.lifeline = descriptor(variable("PROT_LIFELINE_FD"));
  for (const std::string& item : split(variable("PROT_BELLS"), ',')) {
    const std::size_t equals = item.find('=');
    env.bells.emplace(item.substr(0, equals), ipc::Doorbell(descriptor(item.substr(equals + 1))));
  }
  if (std::getenv("PROT_CONFIG_FD") == nullptr) static_cast<void>(variable("PROT_CONFIG"));
  env.config = config_from_process(env.paths);
  if (const char* sealed = std::getenv("PROT_SECRETS_FD"); sealed != nullptr)
    env.secrets = Secrets(read_sealed(descriptor(sealed).get()));
  return env;
}

Config config_from_process(const InstancePaths& paths) {
  if (const char* sealed = std::getenv("PROT_CONFIG_FD"); sealed != nullptr)
    return Config::from_snapshot(read_sealed(descriptor(sealed).get()));
  const char* file = std::getenv("PROT_CONFIG");
  const char* overrides = std::getenv("PROT_SET");
  return Config::load(file != nullptr ? file : paths.config.string(),
                      split(overrides != nullptr ? overrides : "", '\n'));
}

StageEnvironment join_instance(const std::string& stage, const std::string& instance) {
  StageEnvironment env;
  env.stage = stage;
  env.paths = instance_paths(instance);
  ControlClient client(env.paths);
  json::Writer request;
  request.begin_object().key("cmd").value("join").key("stage").value(stage).end_object();
  std::vector<UniqueFd> fds;
  const json::Document reply = json::parse(client.call(request.str(), fds));
  const json::View root = reply.root();
  if (root.get("error").is_string()) throw Error(std::string(root.get("error").as_string()));
  env.run_id = root.get("run").as_string();
  env.generation = static_cast<std::uint32_t>(root.get("generation").as_int());
  env.config = Config::from_snapshot(root.get("config").to_json());
  const json::View names = root.get("bells");
  if (names.size() != fds.size())
    throw Error("the supervisor of '" + instance + "' sent an incomplete set of descriptors");
  for (std::size_t i = 0; i < names.size(); ++i)
    env.bells.emplace(names.at(i).as_string(), ipc::Doorbell(std::move(fds[i])));
  env.lifeline = client.release();  // the connection is the lifeline: end of file when the supervisor dies
  return env;
}

}  // namespace prot::stage
