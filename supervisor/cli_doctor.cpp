// prot doctor: what keeps prot from working well on this machine, and how to mend it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/error.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "doctor.hpp"
#include "json/json.hpp"

namespace prot::supervisor {
namespace {
using stage::Finding;
using stage::Findings;
using stage::Verdict;

constexpr int kWrongConfiguration = 2;
constexpr int kNotNow = 6;  // --services: nothing is wrong, but one has no time now

struct Report {
  Findings findings;
  std::string echo;                  // numbers of --echo as JSON; empty: it was not asked for
  std::vector<ServiceRow> services;  // --services
  std::vector<stage::DeviceRow> capture;
  std::vector<stage::DeviceRow> playback;
};

void append(Findings& all, const Findings& more) { all.insert(all.end(), more.begin(), more.end()); }

Report examine(const CliRequest& request) {
  const InstancePaths paths = instance_paths(request.instance);
  const ConfigRequest sources = config_request(request);
  const std::string& file = sources.file;
  Report report;
  std::optional<stage::Config> config;
  try {
    LayeredEnvironment environment;
    Configuration loaded = load_configuration(sources, environment);
    environment.apply(loaded.env_file, loaded.config);  // the stage programs see it
    config = std::move(loaded.config);
    for (const std::string& line : loaded.warnings)
      report.findings.push_back({Verdict::kWarn, "configuration", line, "see doc/configuration.md"});
  } catch (const stage::ConfigError& error) {
    for (const std::string& line : error.lines())
      report.findings.push_back(
          {Verdict::kFail, "configuration", line, "correct that line; prot config example shows every key"});
  }
  if (config) {
    // The stage programs are asked with what prot up would give them.
    std::string overrides;
    for (const std::string& item : request.overrides) overrides += item + "\n";
    for (const auto& [name, value] : {std::pair{"PROT_INSTANCE", request.instance},
                                      std::pair{"PROT_CONFIG", file}, std::pair{"PROT_SET", overrides}})
      ::setenv(name, value.c_str(), 1);
    const DoctorContext context{paths, *config, sources};
    if (request.echo) {
      EchoAnswer echo = test_echo(context);
      append(report.findings, echo.findings);
      report.echo = std::move(echo.numbers);
      return report;
    }
    if (request.services) {
      report.services = ask_services(context);
      return report;
    }
    append(report.findings, check_files(context));
    append(report.findings, check_programs(context));
    StageAnswers answers = ask_stages(context);
    append(report.findings, answers.findings);
    report.capture = std::move(answers.capture);
    report.playback = std::move(answers.playback);
  }
  if (!request.echo && !request.services) append(report.findings, check_machine(paths));
  return report;
}

void print_rows(const char* title, const std::vector<stage::DeviceRow>& rows) {
  if (rows.empty()) return;
  fmt::print("\n{}\n", title);
  for (const stage::DeviceRow& row : rows)
    print_shown(stdout, "{} {:>3}  {}  {}{}\n", row.is_used ? '*' : ' ', row.row, shown_line(row.spec),
                shown_line(row.description), row.is_default ? " (default)" : "");
}

void print_report(const Report& report) {
  for (const Finding& finding : report.findings) {
    print_shown(stdout, "{:<5} {}: {}\n", to_string(finding.verdict), finding.what,
                shown_line(finding.finding));
    if (finding.verdict != Verdict::kOk) print_shown(stdout, "      -> {}\n", finding.mend);
  }
  print_rows("Microphones (* is used; MIC_DEVICE_INDEX=row, capture.device_index, names another):",
             report.capture);
  print_rows("Loudspeakers (* is used; player.sink and player.device name another):", report.playback);
}

void print_services(const std::vector<ServiceRow>& rows) {
  for (const ServiceRow& row : rows)
    print_shown(stdout, "{:<5} {}: {}{}{}\n", to_string(row.finding.verdict), row.finding.what,
                row.finding.finding, row.finding.mend.empty() ? "" : "; ", row.finding.mend);
  if (rows.empty()) fmt::print("no service is configured: everything is done on this machine\n");
}

void add_services(json::Writer& out, const std::vector<ServiceRow>& rows) {
  out.key("services").begin_array();
  for (const ServiceRow& row : rows)
    out.begin_object()
        .member("service", row.finding.what)
        .member("verdict", to_string(row.finding.verdict))
        .member("state", row.state)
        .member("first_byte_ms", row.first_byte_ms)
        .member("finding", row.finding.finding)
        .member("mend", row.finding.mend)
        .end_object();
  out.end_array();
}

void print_json(const Report& report, bool services, std::size_t failed, std::size_t warned) {
  json::Writer out;
  out.begin_object().member("failed", failed).member("warned", warned).key("checks").begin_array();
  for (const Finding& finding : report.findings) out.raw(to_json(finding));
  for (const auto& [name, rows] :
       {std::pair{"capture", &report.capture}, std::pair{"playback", &report.playback}}) {
    out.end_array().key(name).begin_array();
    for (const stage::DeviceRow& row : *rows) out.raw(to_json(row));
  }
  out.end_array();
  if (!report.echo.empty()) out.key("echo").raw(report.echo);
  if (services) add_services(out, report.services);
  print_shown_json(out.end_object().str());
}

}  // namespace

int command_doctor(const CliRequest& request, char** argv) {
  static_cast<void>(argv);
  if (request.echo && !request.json)
    fmt::print(stderr, "prot: a sound of five seconds; be quiet meanwhile\n");
  const Report report = examine(request);
  const auto count = [&](Verdict verdict) {
    const auto of_findings = std::count_if(report.findings.begin(), report.findings.end(),
                                           [&](const Finding& one) { return one.verdict == verdict; });
    const auto of_services =
        std::count_if(report.services.begin(), report.services.end(),
                      [&](const ServiceRow& row) { return row.finding.verdict == verdict; });
    return static_cast<std::size_t>(of_findings + of_services);
  };
  const std::size_t failed = count(Verdict::kFail);
  const std::size_t warned = count(Verdict::kWarn);
  const bool unreadable = std::any_of(report.findings.begin(), report.findings.end(), [](const Finding& one) {
    return one.what == "configuration" && one.verdict == Verdict::kFail;
  });
  if (request.json) {
    print_json(report, request.services, failed, warned);
  } else {
    print_report(report);
    if (request.services && !unreadable) print_services(report.services);
  }
  if (!request.services) return failed > 0 ? 1 : 0;
  const bool busy = std::any_of(report.services.begin(), report.services.end(),
                                [](const ServiceRow& row) { return row.finding.verdict == Verdict::kWarn; });
  return unreadable ? kWrongConfiguration : failed > 0 ? 1 : busy ? kNotNow : 0;
}

}  // namespace prot::supervisor
