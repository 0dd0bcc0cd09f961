// prot doctor --echo: how well prot's own voice is kept out of the microphone, in this room.
#include <fmt/format.h>

#include <csignal>
#include <future>
#include <sstream>

#include "base/error.hpp"
#include "base/ownership.hpp"
#include "base/subprocess.hpp"
#include "doctor.hpp"
#include "json/json.hpp"
#include "programs.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {
using stage::Finding;
using stage::Findings;
using stage::Verdict;

constexpr Nanos kProbeWithin = 30 * kSecond;  // nine seconds of sound, and a device that opens slowly
constexpr std::size_t kMostOutput = 4U << 20U;

/// What a probe of a stage program said: bytes, or why there are none.
struct ProbeAnswer {
  std::string bytes;
  std::string problem;
};

// A probe that fails says one finding instead of its bytes.
std::string problem_of(const std::string& name, const SubprocessResult& result) {
  if (result.timed_out) return fmt::format("does not end within {} s", kProbeWithin / kSecond);
  if (result.output.starts_with("{")) {
    const Finding finding = stage::finding_from_json(result.output.substr(0, result.output.find('\n')));
    if (finding.what == name) return finding.finding;
  }
  return result.exit_code > 1 || result.output.empty() ? fmt::format("ended with {}", result.exit_code) : "";
}

ProbeAnswer probe(const std::string& stage, const std::string& name, const std::vector<std::string>& unset,
                  const std::string& input = {}) {
  try {
    SubprocessLimits limits;
    limits.max_output = kMostOutput;
    limits.within = kProbeWithin;
    limits.unset = unset;
    const SubprocessResult result =
        run_subprocess({find_program("prot-" + stage), "--probe", name}, input, limits);
    return {result.output, problem_of(name, result)};
  } catch (const Error& error) {
    return {{}, error.what()};
  }
}

bool runs(const InstancePaths& paths) {
  try {
    const stage::ControlClient client(paths);
    return true;
  } catch (const Untrusted&) {
    throw;
  } catch (const Error& error) {
    return error.exit_code() != 3;  // it does not answer: it is there
  }
}

void read_judgement(const std::string& output, EchoAnswer& answer) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const json::Document document = json::parse(line);
    if (const json::View numbers = document.get("echo"); numbers.is_object())
      answer.numbers = numbers.to_json();
    else
      answer.findings.push_back(stage::finding_from_json(line));
  }
}

}  // namespace

EchoAnswer test_echo(const DoctorContext& context) {
  EchoAnswer answer;
  try {
    if (runs(context.paths))
      answer.findings.push_back(
          {Verdict::kFail, "echo",
           fmt::format("instance {} runs and would hear the test sound", context.paths.instance),
           "prot down, then this again"});
  } catch (const Untrusted& error) {
    answer.findings.push_back({Verdict::kFail, "echo", error.what(), "see: prot doctor"});
  }
  if (!answer.findings.empty()) return answer;
  std::signal(SIGPIPE, SIG_IGN);  // a probe that ended does not read its input
  const auto capture_unset = secrets_of_others("capture", context.config);
  auto recording = std::async(std::launch::async, [&] { return probe("capture", "record", capture_unset); });
  const ProbeAnswer played = probe("player", "sound", secrets_of_others("player", context.config));
  const ProbeAnswer recorded = recording.get();
  for (const auto& [what, one] : {std::pair{"loudspeaker", &played}, std::pair{"microphone", &recorded}})
    if (!one->problem.empty())
      answer.findings.push_back({Verdict::kFail, what, one->problem, "see: prot doctor"});
  if (!answer.findings.empty()) return answer;
  const ProbeAnswer judged = probe("capture", "echo", capture_unset, played.bytes + recorded.bytes);
  try {
    if (judged.problem.empty()) read_judgement(judged.bytes, answer);
  } catch (const Error& error) {
    answer.findings.push_back(
        {Verdict::kFail, "echo", error.what(), "build or install prot again, all of it"});
  }
  if (!judged.problem.empty())
    answer.findings.push_back({Verdict::kFail, "echo cancellation", judged.problem, "see: prot doctor"});
  return answer;
}

}  // namespace prot::supervisor
