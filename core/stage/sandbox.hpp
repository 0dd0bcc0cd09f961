#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "stage/environment.hpp"

namespace prot::stage {

/// What a stage needs of the machine; it gives up the rest.
struct SandboxPolicy {
  bool network = true;                // IPv4, IPv6
  std::vector<std::string> writable;  // folders with all below; what is not there is no error
};

/// Where below the instance's state folder `stage` writes. Who can write the database's cluster, which may
/// lie beside them, is its superuser at the next start. The supervisor makes them before the stages run.
[[nodiscard]] std::vector<std::filesystem::path> written_folders(std::string_view stage,
                                                                 const InstancePaths& paths);

/// By stage: capture and player have no network (but for a sound server that is reached by it), nobody writes
/// but into the runtime folder, its own folders of the state, the devices and the folder for temporary files.
/// Reading stays open.
[[nodiscard]] SandboxPolicy sandbox_policy(const StageEnvironment& environment);

/// Gives up, for this process and whatever it starts, for ever: new privileges, capabilities, dangerous
/// system calls, the network, writing elsewhere. Best effort, as far as the kernel goes; returns what was
/// done, as "no_new_privs capabilities=none seccomp=no-network landlock=7". REQUIRES: no other thread exists
/// yet.
[[nodiscard]] std::string apply_sandbox(const SandboxPolicy& policy);

namespace detail {
/// The parts; each says what it did.
[[nodiscard]] std::string drop_capabilities();
[[nodiscard]] std::string filter_system_calls(bool network);  // system_call_filter.cpp
[[nodiscard]] std::string restrict_writing(const std::vector<std::string>& writable);
}  // namespace detail

}  // namespace prot::stage
