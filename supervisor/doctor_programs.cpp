// prot doctor: prot's own programs, the children db and llm, and each stage by its own word.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <sstream>

#include "base/error.hpp"
#include "base/subprocess.hpp"
#include "doctor.hpp"
#include "programs.hpp"
#include "stage/model_specs.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;
using stage::Finding;
using stage::Findings;
using stage::Verdict;

constexpr Nanos kProbeWithin = 5 * kSecond;
constexpr std::size_t kMostOutput = 256 * 1024;

// Every probe ends.
SubprocessResult run_limited(const std::vector<std::string>& argv, std::vector<std::string> unset = {}) {
  SubprocessLimits limits;
  limits.max_output = kMostOutput;
  limits.within = kProbeWithin;
  limits.unset = std::move(unset);
  return run_subprocess(argv, {}, limits);
}

std::string first_line_of(const std::string& text) { return text.substr(0, text.find('\n')); }

struct Answer {
  std::string stage;
  SubprocessResult check;
  SubprocessResult devices;
  std::string missing;
};

Answer ask(const std::string& stage, bool devices, const std::vector<std::string>& unset) {
  Answer answer{stage, {}, {}, {}};
  try {
    const std::string program = find_program("prot-" + stage);
    answer.check = run_limited({program, "--check"}, unset);
    if (devices) answer.devices = run_limited({program, "--devices"}, unset);
  } catch (const Error& error) {
    answer.missing = error.what();
  }
  return answer;
}

void read_answer(const Answer& answer, StageAnswers& all) {
  const std::string what = "prot-" + answer.stage + " --check";
  const auto fail = [&](const std::string& why) {
    all.findings.push_back({Verdict::kFail, what, why, "run it by hand to see more"});
  };
  if (!answer.missing.empty()) return;  // check_programs says it
  if (answer.check.timed_out || answer.devices.timed_out) return fail("does not end within 5 s");
  std::size_t lines = 0;
  std::istringstream checks(answer.check.output);
  std::istringstream devices(answer.devices.output);
  try {
    for (std::string line; std::getline(checks, line); ++lines)
      all.findings.push_back(stage::finding_from_json(line));
    for (std::string line; std::getline(devices, line);)
      (answer.stage == "capture" ? all.capture : all.playback).push_back(stage::device_from_json(line));
  } catch (const Error& error) {
    fail(std::string("says something that is no JSON: ") + error.what());
  }
  if (lines == 0 && answer.check.exit_code != 0) fail(fmt::format("ended with {}", answer.check.exit_code));
}

Finding check_own_programs(const DoctorContext& context) {
  const std::string what = "programs";
  const std::string mend = "build or install prot again, all of it";
  std::string versions;
  for (const std::string_view stage : wire::kDrainOrder) {
    const std::string name = "prot-" + std::string(stage);
    try {
      const SubprocessResult result =
          run_limited({find_program(name), "--version"}, secret_names(context.config));
      const std::string version = first_line_of(result.output);
      if (result.timed_out) return {Verdict::kFail, what, name + " --version does not end within 5 s", mend};
      if (result.exit_code != 0 && version.empty())
        return {Verdict::kFail, what, fmt::format("{} does not run (exit status {})", name, result.exit_code),
                "a library may be missing: ldd " + find_program(name)};
      if (version != name + " " + PROT_VERSION)
        return {Verdict::kFail, what, fmt::format("{} is '{}', this is prot {}", name, version, PROT_VERSION),
                mend};
    } catch (const Error& error) {
      return {Verdict::kFail, what, error.what(), mend};
    }
  }
  try {
    (void)find_program("prot-top");
  } catch (const Error& error) {
    return {Verdict::kWarn, what, error.what(), mend};
  }
  return {Verdict::kOk, what, fmt::format("all there, version {}", PROT_VERSION)};
}

std::string major_of(const fs::path& version_file) {
  std::ifstream file(version_file);
  std::string major;
  file >> major;
  return major;
}

/// "pgvector 0.8.2", which is no more than useful.
std::string pgvector_of(const std::string& programs) {
  const SubprocessResult share = run_limited({programs + "/pg_config", "--sharedir"});
  std::ifstream control(first_line_of(share.output) + "/extension/vector.control");
  for (std::string line; share.exit_code == 0 && std::getline(control, line);)
    if (const std::size_t quote = line.find('\''); line.starts_with("default_version") && quote != line.npos)
      return "pgvector " + line.substr(quote + 1, line.rfind('\'') - quote - 1);
  return "no pgvector";
}

Finding check_cluster(const DoctorContext& context) {
  const std::string what = "database";
  const fs::path folder = cluster_folder(context.config, context.paths);
  std::string programs;
  try {
    programs = find_postgres(context.config, folder);
  } catch (const Error& error) {
    return {Verdict::kFail, what, error.what(), "apt-get install postgresql-15, or set DATABASE_URL"};
  }
  const SubprocessResult result = run_limited({programs + "/postgres", "--version"});
  const std::string version = first_line_of(result.output);  // "postgres (PostgreSQL) 15.6 (...)"
  if (result.exit_code != 0)
    return {Verdict::kFail, what, programs + "/postgres does not run",
            "apt-get install --reinstall postgresql-15"};
  const std::string major = major_of(folder / "PG_VERSION");
  const fs::path above = existing_part(folder);
  if (!fs::is_directory(above) || (major.empty() && ::access(above.c_str(), W_OK) != 0))
    return {Verdict::kFail, what, fmt::format("{} cannot be made below {}", folder.string(), above.string()),
            "set db.folder to a folder that can be written, or DATABASE_URL"};
  if (major.empty())
    return {Verdict::kOk, what,
            fmt::format("{}, {}; the first start makes {}", version, pgvector_of(programs), folder.string())};
  if (version.find(") " + major + ".") == std::string::npos)
    return {
        Verdict::kFail, what,
        fmt::format("{} was made by version {}, there is {}", folder.string(), major, version),
        fmt::format("apt-get install postgresql-{0}, or pg_upgrade; db.program_folder names another", major)};
  struct stat info {};
  const passwd* user = ::getpwnam(context.config.get_string("db.user").c_str());
  const uid_t wanted = ::geteuid() != 0 ? ::geteuid() : user != nullptr ? user->pw_uid : 0;
  if (::stat(folder.c_str(), &info) == 0 && info.st_uid != wanted)
    return {Verdict::kFail, what, fmt::format("{} belongs to user {}", folder.string(), info.st_uid),
            fmt::format("chown -R {} {}", wanted, folder.string())};
  return {Verdict::kOk, what, fmt::format("{}, {}, {}", version, folder.string(), pgvector_of(programs))};
}

Finding check_llm(const DoctorContext& context) {
  const std::string what = "language model";
  const std::string mend =
      "./run builds and fetches it; or set llm.program, llm.model, or brain.url to a server";
  if (!context.config.get_bool("llm.enabled"))
    return {Verdict::kWarn, what, "none: llm.enabled = false, but the local one is among the language models",
            "set brain.url or brain.engine, or llm.enabled to true"};
  Finding finding;
  try {
    const std::string program = find_llama_server(context.config, context.paths);
    finding = stage::check_file(what, llm_model(context.config, context.paths), "GGUF", mend);
    finding.finding = fmt::format("{}, {}", fs::path(program).filename().string(), finding.finding);
    if (finding.verdict == Verdict::kOk && run_limited({program, "--version"}).exit_code != 0)
      return {Verdict::kFail, what, program + " does not run", mend};
  } catch (const Error& error) {
    return {Verdict::kFail, what, error.what(), mend};
  }
  return finding;
}

}  // namespace

std::vector<std::string> secrets_of_others(const std::string& stage, const stage::Config& config) {
  std::vector<std::string> names = secret_names(config);
  std::erase_if(
      names, [&](const std::string& name) { return stage::has_word(users_of_secret(name, config), stage); });
  return names;
}

Findings check_programs(const DoctorContext& context) {
  Findings findings{check_own_programs(context)};
  if (stage::uses_local_model(context.config)) findings.push_back(check_llm(context));
  const bool memory = context.config.get_bool("memory.enabled");
  if (!memory) findings.push_back({Verdict::kOk, "database", "none (memory.enabled = false)"});
  const auto programs = programs_of(context.config);
  if (std::find(programs.begin(), programs.end(), "db") != programs.end() &&
      context.config.get_string("memory.store") == "postgres")
    findings.push_back(check_cluster(context));
  return findings;
}

StageAnswers ask_stages(const DoctorContext& context) {
  std::vector<std::future<Answer>> asked;
  const auto programs = programs_of(context.config);
  for (const char* stage : {"capture", "stt", "brain", "tts", "player", "memory"}) {
    if (std::find(programs.begin(), programs.end(), stage) == programs.end()) continue;
    const bool devices = std::string_view(stage) == "capture" || std::string_view(stage) == "player";
    asked.push_back(std::async(std::launch::async, ask, std::string(stage), devices,
                               secrets_of_others(stage, context.config)));
  }
  StageAnswers all;
  for (std::future<Answer>& one : asked) read_answer(one.get(), all);
  return all;
}

}  // namespace prot::supervisor
