// prot check
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "programs.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr int kWrong = 2;

void check_programs(const stage::Config& config, const InstancePaths& paths,
                    std::vector<std::string>& errors) {
  for (const std::string& name : programs_of(config)) {
    if (name == "llm" && !config.get_string("llm.program").empty()) continue;  // one of the files
    try {
      static_cast<void>(name == "db"    ? find_postgres(config)
                        : name == "llm" ? find_llama_server(config, paths)
                                        : find_program("prot-" + name));
    } catch (const Error& e) {
      errors.push_back((name == "db" ? config.place("db.program_folder") : "") + e.what());
    }
  }
}

// "FILE:LINE: message" in its parts; line 0: no place of that kind.
void write_problem(json::Writer& out, const std::string& text, const ConfigRequest& sources) {
  std::string file;
  std::string_view message = text;
  long line = 0;
  for (const std::string& known : {sources.file, sources.env_file}) {
    if (known.empty() || !text.starts_with(known + ":")) continue;
    file = known;
    message.remove_prefix(known.size() + 1);
    const std::size_t end = message.find(':');
    const std::string number(message.substr(0, end));
    if (!number.empty() && number.find_first_not_of("0123456789") == std::string::npos) {
      line = std::atol(number.c_str());
      message.remove_prefix(std::min(message.size(), end + 1));
    }
    if (message.starts_with(' ')) message.remove_prefix(1);
    break;
  }
  out.begin_object().member("file", file).member("line", line).member("message", message).end_object();
}

void print_json(const ConfigRequest& sources, bool exists, const std::vector<std::string>& errors,
                const Configuration& loaded) {
  json::Writer out;
  out.begin_object().member("ok", errors.empty()).member("file", sources.file).member("exists", exists);
  out.key("errors").begin_array();
  for (const std::string& error : errors) write_problem(out, error, sources);
  out.end_array().key("warnings").begin_array();
  for (const std::string& warning : loaded.warnings) write_problem(out, warning, sources);
  out.end_array().key("unused").begin_array();
  for (const std::string& name : loaded.unused) out.value(name);
  print_shown_json(out.end_array().end_object().str());
}

}  // namespace

int command_check(const CliRequest& request, char** /*argv*/) {
  const ConfigRequest sources = config_request(request);
  Configuration loaded;
  std::vector<std::string> errors;
  try {
    LayeredEnvironment environment;
    loaded = load_configuration(sources, environment);
    errors = missing_files(loaded.config);
    check_programs(loaded.config, instance_paths(request.instance), errors);
  } catch (const stage::ConfigError& e) {
    errors = e.lines();
  }
  std::error_code ignored;
  const bool exists = fs::exists(sources.file, ignored);
  if (request.json) {
    print_json(sources, exists, errors, loaded);
    return errors.empty() ? 0 : kWrong;
  }
  for (const std::string& line : loaded.warnings) print_shown(stderr, "prot: {}\n", line);
  // As a compiler says it, so that an editor finds the place.
  for (const std::string& line : errors) print_shown(stderr, "{}\n", line);
  if (!errors.empty()) return kWrong;
  if (!loaded.unused.empty()) fmt::print("nothing uses yet: {}\n", fmt::join(loaded.unused, ", "));
  print_shown(stdout, "{}: {}\n", sources.file, exists ? "good" : "is not there; the defaults are used");
  return 0;
}

}  // namespace prot::supervisor
