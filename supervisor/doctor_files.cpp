// prot doctor: folders, sockets, permissions, keys, the running instance.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"
#include "base/ownership.hpp"
#include "doctor.hpp"
#include "json/json.hpp"
#include "stage/control.hpp"
#include "stage/model_specs.hpp"
#include "stage/recognizer_specs.hpp"
#include "stage/service_keys.hpp"
#include "stage/service_table.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;
using stage::Finding;
using stage::Findings;
using stage::Verdict;

// The longest name that anything of prot binds below the runtime folder.
constexpr std::string_view kLongestSocket = "/db/.s.PGSQL.5432";

Finding check_runtime(const InstancePaths& paths) {
  const std::string what = "runtime folder";
  const std::string& folder = paths.runtime.native();
  const std::size_t length = folder.size() + kLongestSocket.size();
  const std::size_t most = sizeof(sockaddr_un{}.sun_path) - 1;
  if (length > most)
    return {Verdict::kFail, what,
            fmt::format("{}: its sockets' paths have {} bytes, at most {} work", folder, length, most),
            "set XDG_RUNTIME_DIR to a shorter folder, or give a shorter --instance"};
  const char* session = std::getenv("XDG_RUNTIME_DIR");
  if (session != nullptr && session[0] == '/' && ::access(session, W_OK) != 0)
    return {Verdict::kFail, what, fmt::format("XDG_RUNTIME_DIR = {} cannot be written", session),
            "log in by a session (loginctl), or set XDG_RUNTIME_DIR to a folder of yours"};
  try {
    require_own_way(paths.runtime);
  } catch (const Untrusted& error) {
    return {Verdict::kFail, what, error.what(), "set XDG_RUNTIME_DIR to a folder of yours"};
  }
  return {Verdict::kOk, what, folder + (session == nullptr ? " (XDG_RUNTIME_DIR is not set)" : "")};
}

// A folder of prot is the user's own and closed to others; one that is not there yet is made by prot up.
Finding check_folder(const std::string& what, const fs::path& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    const fs::path above = existing_part(folder);
    if (::access(above.c_str(), W_OK) != 0)
      return {Verdict::kFail, what,
              fmt::format("{} cannot be made: {} is not writable", folder.string(), above.string()),
              "give it to this user, or set XDG_STATE_HOME"};
    return {Verdict::kOk, what, folder.string() + " (made by the first start)"};
  }
  if (!S_ISDIR(info.st_mode))
    return {Verdict::kFail, what, folder.string() + " is no folder", "move it away"};
  if (info.st_uid != ::geteuid())
    return {Verdict::kFail, what, fmt::format("{} belongs to user {}", folder.string(), info.st_uid),
            "run prot as that user, or: chown -R to this one"};
  if (::access(folder.c_str(), W_OK) != 0)
    return {Verdict::kFail, what, folder.string() + " cannot be written", "chmod u+w " + folder.string()};
  if ((info.st_mode & 066U) != 0)
    return {Verdict::kWarn, what,
            fmt::format("{} is open to others ({:o})", folder.string(), info.st_mode & 07777U),
            "chmod 700 " + folder.string()};
  return {Verdict::kOk, what, folder.string()};
}

Finding check_secret_file(const std::string& what, const fs::path& file, bool has_secrets) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return {Verdict::kOk, what, file.string() + " is not there"};
  if (!S_ISREG(info.st_mode))
    return {Verdict::kFail, what, file.string() + " is no file", "move it away, or name another one"};
  const unsigned mode = info.st_mode & 0777U;
  const std::string finding = fmt::format("{} (mode {:o})", file.string(), mode);
  if (::access(file.c_str(), R_OK) != 0)
    return {Verdict::kFail, what, finding + " cannot be read", "chmod u+r " + file.string()};
  if (const std::string why = distrust_of(info); !why.empty())
    return {Verdict::kFail, what, finding + " " + why, "chown it to this user, chmod 600 " + file.string()};
  if (has_secrets && (mode & 044U) != 0)
    return {Verdict::kFail, what, finding + ": others may read its secrets", "chmod 600 " + file.string()};
  return {Verdict::kOk, what, finding};
}

// As prot up takes it: a folder named .env (a Python environment) is none.
Finding check_env_file(const DoctorContext& context) {
  const fs::path file = context.sources.env_file;
  std::error_code error;
  if (!context.sources.env_file_required && fs::is_directory(file, error))
    return {Verdict::kOk, ".env", file.string() + " is a folder: not read"};
  return check_secret_file(".env", file, true);
}

// A password in the file itself, not in the environment.
bool holds_password(const DoctorContext& context) {
  const std::string& url = context.config.get_string("memory.database_url");
  const char* environment = std::getenv("DATABASE_URL");
  return !url.empty() && (environment == nullptr || url != environment);
}

Finding check_key(const std::string& name, bool needed, const std::string& who) {
  const char* value = std::getenv(name.c_str());
  const bool there = value != nullptr && value[0] != '\0';
  if (there) return {Verdict::kOk, "key " + name, needed ? "present" : "present, not needed"};
  if (!needed) return {Verdict::kOk, "key " + name, "not present, not needed"};
  return {Verdict::kFail, "key " + name, "not present; " + who + " needs it",
          "put it into the environment, or into .env (chmod 600) in the folder where prot is started"};
}

std::string who_needs(const stage::ModelSpec& model, bool first) {
  const bool anthropic = model.kind == stage::ModelSpec::Kind::kAnthropic;
  return (anthropic ? "anthropic.url = "
          : first   ? "brain.url = "
                    : "brain.fallback, ") +
         stage::shown_text(model.url);
}

constexpr std::string_view kElevenLabs = stage::service_row("tts", "elevenlabs").own_key_name;

void check_keys(const DoctorContext& context, Findings& findings) {
  std::vector<std::string> seen;
  const auto check = [&](const std::string& name, bool needed, const std::string& who) {
    if (name.empty() || std::find(seen.begin(), seen.end(), name) != seen.end()) return;
    seen.push_back(name);
    findings.push_back(check_key(name, needed, who));
  };
  // A server in the house needs no key; one in the open does.
  for (const stage::ModelSpec& model : stage::model_specs(context.config))
    check(model.key_name, model.url.starts_with("https://"), who_needs(model, seen.empty()));
  if (context.config.get_string("tts.voice_en") == "elevenlabs" ||
      context.config.get_string("tts.voice_ko") == "elevenlabs")
    check(std::string(kElevenLabs), true, "the voice elevenlabs");
  for (const stage::RecognizerSpec& recogniser : stage::recognizer_specs(context.config))
    check(recogniser.key_name, recogniser.url.starts_with("https://"),
          "recognition by " + stage::shown_text(recogniser.url));
  const std::string& voice = context.config.get_string("tts.openai_url");
  check(stage::voice_key_name(context.config), voice.starts_with("https://"),
        "tts.openai_url = " + stage::shown_text(voice));
  check(context.config.get_string("brain.api_key_env"), false, "");
  const std::string& home = context.config.get_string("home_assistant.url");
  check(context.config.get_string("home_assistant.token_env"), !home.empty(),
        "home_assistant.url = " + stage::shown_text(home));
  for (const std::string_view name : {stage::service_row("brain", "anthropic").own_key_name, kElevenLabs,
                                      stage::service_row("memory", "voyage").own_key_name})
    check(std::string(name), false, "");
}

constexpr const char* kOwnRuntime =
    "ask as the user who runs it, or set XDG_RUNTIME_DIR to a folder that only you may change";

Finding check_instance(const InstancePaths& paths) {
  const std::string what = "instance " + paths.instance;
  try {
    stage::ControlClient client(paths);
    timeval limit{3, 0};
    (void)::setsockopt(client.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const json::Document status = json::parse(client.call(R"({"cmd":"status"})"));
    const std::string state(status.get("state").as_string());
    const std::string finding =
        fmt::format("runs, {}, process {}", state, status.get("supervisor").get("pid").as_int());
    if (state == "degraded") return {Verdict::kWarn, what, finding, "see: prot status, prot logs"};
    return {Verdict::kOk, what, finding};
  } catch (const Untrusted& error) {
    return {Verdict::kFail, what, error.what(), kOwnRuntime};
  } catch (const Error& error) {
    if (error.exit_code() == 3) return {Verdict::kOk, what, "does not run"};
    return {Verdict::kFail, what, std::string("does not answer: ") + error.what(),
            "prot down; if that hangs too, kill its process (the next start saves what it held)"};
  }
}

}  // namespace

Findings check_files(const DoctorContext& context) {
  Findings findings{check_instance(context.paths), check_runtime(context.paths),
                    check_folder("state folder", context.paths.state),
                    check_secret_file("configuration", context.sources.file, holds_password(context)),
                    check_env_file(context)};
  check_keys(context, findings);
  return findings;
}

}  // namespace prot::supervisor
