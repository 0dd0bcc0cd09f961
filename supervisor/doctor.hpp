#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "configuration.hpp"
#include "services/services.hpp"
#include "stage/self_check.hpp"

namespace prot::supervisor {

/// What the checks of `prot doctor` look at. They change nothing, start nothing that stays, and each ends
/// within about 5 s.
struct DoctorContext {
  const InstancePaths& paths;
  const stage::Config& config;
  const ConfigRequest& sources;
};

/// What the stage programs said of themselves.
struct StageAnswers {
  stage::Findings findings;
  std::vector<stage::DeviceRow> capture;
  std::vector<stage::DeviceRow> playback;
};

/// What the test sound became.
struct EchoAnswer {
  stage::Findings findings;
  std::string numbers = "{}";  // JSON
};

/// What one question to a configured service found.
struct ServiceRow {
  services::Service service;
  stage::Finding finding;
  std::string state;         // services::State, or "not_asked"
  double first_byte_ms = 0;  // 0: no answer came
};

/// The part of a path that is there already.
[[nodiscard]] std::filesystem::path existing_part(std::filesystem::path path);

// doctor_machine.cpp: what the machine allows
[[nodiscard]] stage::Findings check_machine(const InstancePaths& paths);
// doctor_files.cpp: folders, sockets, permissions, keys, the running instance
[[nodiscard]] stage::Findings check_files(const DoctorContext& context);
// doctor_programs.cpp: prot's own programs, db, llm; and each stage by its own word
[[nodiscard]] stage::Findings check_programs(const DoctorContext& context);
[[nodiscard]] StageAnswers ask_stages(const DoctorContext& context);
/// What `prot up` would not give this stage either.
[[nodiscard]] std::vector<std::string> secrets_of_others(const std::string& stage,
                                                         const stage::Config& config);
// doctor_echo.cpp: plays a sound and listens to it, about ten seconds; not while the instance runs
[[nodiscard]] EchoAnswer test_echo(const DoctorContext& context);

// doctor_services.cpp: asks each service that is in use one small question, by its stage
[[nodiscard]] std::vector<ServiceRow> ask_services(const DoctorContext& context);

}  // namespace prot::supervisor
