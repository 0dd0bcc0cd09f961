#include "stage/sandbox.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/unique_fd.hpp"

namespace prot::stage {
namespace {

// Of later kernels than the headers'.
constexpr std::uint64_t kTruncate = 1ULL << 14U;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool sound_server_is_remote() {
  const std::string server = variable("PULSE_SERVER") + variable("PIPEWIRE_REMOTE");
  return server.find("tcp") != std::string::npos;
}

std::string failed(const char* what) { return std::string(what) + "=no(" + std::strerror(errno) + ")"; }

}  // namespace

std::vector<std::filesystem::path> written_folders(std::string_view stage, const InstancePaths& paths) {
  std::vector<std::string_view> names;
  if (stage == "brain") names = {"said", "spool"};
  // What is forgotten is overwritten wherever it stands.
  if (stage == "memory") names = {"said", "spool", "conversations", "log", "dead-letters", "crashes"};
  std::vector<std::filesystem::path> folders;
  folders.reserve(names.size());
  for (const std::string_view name : names) folders.push_back(paths.state / name);
  return folders;
}

SandboxPolicy sandbox_policy(const StageEnvironment& environment) {
  const bool sound = environment.stage == "capture" || environment.stage == "player";
  const InstancePaths& paths = environment.paths;
  SandboxPolicy policy;
  policy.network = !sound || sound_server_is_remote();
  const std::string temporary = variable("TMPDIR");
  policy.writable = {paths.runtime, "/dev", temporary.empty() ? "/tmp" : temporary, "/proc/self/"};
  for (const std::filesystem::path& folder : written_folders(environment.stage, paths))
    policy.writable.push_back(folder);
  if (sound) {  // the sound server's client keeps its socket's folder and its cookie
    policy.writable.push_back(variable("XDG_RUNTIME_DIR"));
    policy.writable.push_back(variable("HOME") + "/.config/pulse");
  }
  if (environment.stage == "player" && environment.config.get_string("player.sink") == "wav")
    policy.writable.push_back(
        std::filesystem::path(environment.config.get_string("player.device")).parent_path());
  return policy;
}

namespace detail {

// root keeps the right to pass file permissions: its database and a person's sound server belong to others.
std::string drop_capabilities() {
  const bool root = ::geteuid() == 0;
  for (int capability = 0; capability <= 63; ++capability)
    if (!root || capability != CAP_DAC_OVERRIDE)
      (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0,
                    0);  // refused without privilege: then there is nothing
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (root) data[0].effective = data[0].permitted = 1U << CAP_DAC_OVERRIDE;
  if (::syscall(SYS_capset, &header, data) != 0) return failed("capabilities");
  return root ? "capabilities=dac_override" : "capabilities=none";
}

std::string restrict_writing(const std::vector<std::string>& writable) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return failed("landlock");
  std::uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                         LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kTruncate;
  const landlock_ruleset_attr attributes{rights};
  const UniqueFd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules) return failed("landlock");
  for (const std::string& folder : writable) {
    const UniqueFd place(folder.empty() ? -1 : ::open(folder.c_str(), O_PATH | O_CLOEXEC));
    if (!place) continue;
    const landlock_path_beneath_attr rule{rights, place.get()};
    if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
      return failed("landlock");
  }
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return failed("landlock");
  return "landlock=" + std::to_string(abi);
}

}  // namespace detail

std::string apply_sandbox(const SandboxPolicy& policy) {
  std::string done = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? "no_new_privs" : failed("no_new_privs");
  // The capabilities last but one: the filter may refuse what they need.
  done += " " + detail::restrict_writing(policy.writable);
  done += " " + detail::drop_capabilities();
  return done + " " + detail::filter_system_calls(policy.network);
}

}  // namespace prot::stage
