// prot doctor --services: is each configured service there, does it take the key, how fast is it?
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <sstream>

#include "base/error.hpp"
#include "base/subprocess.hpp"
#include "doctor.hpp"
#include "json/json.hpp"
#include "programs.hpp"

namespace prot::supervisor {
namespace {
using services::Service;

constexpr Nanos kProbeWithin = 25 * kSecond;  // a question ends after 5, of a local model after 20
constexpr std::size_t kMostOutput = 256 * 1024;

struct ProgramAnswer {
  std::vector<std::string> lines;
  std::string problem;  // why there are none
};

// A stage asks its own services: it alone gets their keys.
ProgramAnswer ask(const std::string& stage, const std::vector<std::string>& unset) {
  ProgramAnswer answer;
  try {
    SubprocessLimits limits;
    limits.max_output = kMostOutput;
    limits.within = kProbeWithin;
    limits.unset = unset;
    const SubprocessResult result =
        run_subprocess({find_program("prot-" + stage), "--probe", "services"}, {}, limits);
    if (result.timed_out)
      answer.problem = fmt::format("does not end within {} s", kProbeWithin / kSecond);
    else if (result.exit_code > 1)
      answer.problem = fmt::format("ended with {}", result.exit_code);
    std::istringstream lines(result.output);
    for (std::string line; std::getline(lines, line);) answer.lines.push_back(line);
  } catch (const Error& error) {
    answer.problem = error.what();
  }
  return answer;
}

ServiceRow row_of(const Service& service, const ProgramAnswer& answer) {
  ServiceRow row;
  row.service = service;
  for (const std::string& line : answer.lines) {
    try {
      const json::Document document = json::parse(line);
      if (document.get("service").as_string() != service.name) continue;
      row.finding = stage::finding_from_json(line);
      row.finding.what = service.name;
      row.state = document.get("state").as_string();
      row.first_byte_ms = document.get("first_byte_ms").as_double();
      return row;
    } catch (const Error&) {
      continue;  // no line of a probe
    }
  }
  row.state = "not_asked";
  row.finding = {
      stage::Verdict::kFail, service.name,
      "prot-" + service.program + " " + (answer.problem.empty() ? "says nothing of it" : answer.problem),
      "see: prot doctor"};
  return row;
}

}  // namespace

std::vector<ServiceRow> ask_services(const DoctorContext& context) {
  std::vector<Service> used = services::known_services(context.config);
  std::erase_if(used, [](const Service& service) { return !service.in_use; });
  std::map<std::string, std::future<ProgramAnswer>> asked;
  for (const Service& service : used)
    if (!asked.contains(service.program))
      asked.emplace(service.program, std::async(std::launch::async, ask, service.program,
                                                secrets_of_others(service.program, context.config)));
  std::map<std::string, ProgramAnswer> answers;
  for (auto& [program, answer] : asked) answers[program] = answer.get();
  std::vector<ServiceRow> rows;
  rows.reserve(used.size());
  for (const Service& service : used) rows.push_back(row_of(service, answers.at(service.program)));
  return rows;
}

}  // namespace prot::supervisor
