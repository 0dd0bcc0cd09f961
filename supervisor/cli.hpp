#pragma once

#include <string>
#include <vector>

#include "cli_memory.hpp"
#include "configuration.hpp"
#include "debugger.hpp"
#include "json/json.hpp"

namespace prot::supervisor {

/// What the command line asks for, parsed and checked.
struct CliRequest {
  std::string command;  // "up", "config example", ...
  std::string instance;
  std::string config_file;
  std::string env_file;
  std::vector<std::string> overrides;
  std::string stage;
  std::string text;
  std::vector<std::string> words;  // say
  std::size_t lines = 50;
  double timeout_s = 60;
  double up_timeout_s = 180;
  bool detach = false;
  bool now = false;
  bool json = false;
  bool follow = false;
  int report_fd = -1;                  // up: the detached process writes its progress there
  std::vector<std::string> passed_on;  // top, debug: arguments of prot-top, of the debugger
  DebugRequest debug;
  std::vector<std::string> stages;  // restart, start, stop
  bool wait = false;                // the default
  bool no_wait = false;             // restart, start: the new process was started, that is enough
  bool drain = false;               // restart: when it has worked off what its input rings hold
  double drain_timeout_s = 30;
  bool verbose = false;
  bool watch = false;
  bool echo = false;          // doctor: the loudspeaker in the microphone, nothing else
  bool services = false;      // doctor: the configured services, nothing else
  double down_timeout_s = 0;  // 0: as long as it takes
  MemoryRequest memory;
};

/// The program `prot`. stdout is data, stderr is messages. Exit code: 0 ok, 1 failure, 2 usage or
/// configuration, 3 not running, 4 unknown stage, 5 timeout, 7 stopped with work handed to the next start.
int run_cli(int argc, char** argv);

// The commands. They throw Error. `argv`: what this process was started with.
int command_up(const CliRequest& request, char** argv);
int command_down(const CliRequest& request, char** argv);
int command_status(const CliRequest& request, char** argv);
int command_logs(const CliRequest& request, char** argv);
int command_log_level(const CliRequest& request, char** argv);
int command_crash_list(const CliRequest& request, char** argv);
int command_crash_show(const CliRequest& request, char** argv);
int command_program(const CliRequest& request, char** argv);  // restart, start, stop
int command_wait(const CliRequest& request, char** argv);
int command_config_keys(const CliRequest& request, char** argv);
int command_check(const CliRequest& request, char** argv);
int command_doctor(const CliRequest& request, char** argv);
int command_reload(const CliRequest& request, char** argv);
int command_top(const CliRequest& request, char** argv);
int command_debug(const CliRequest& request, char** argv);
int command_say(const CliRequest& request, char** argv);
int command_chat(const CliRequest& request, char** argv);

/// Where the configuration comes from, with absolute paths.
[[nodiscard]] ConfigRequest config_request(const CliRequest& request);
/// A supervisor's answer; throws what it says when it is an error, with its exit code.
[[nodiscard]] json::Document checked_reply(const std::string& reply);

}  // namespace prot::supervisor
