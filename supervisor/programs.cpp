#include "programs.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/error.hpp"
#include "json/json.hpp"
#include "sealed_file.hpp"
#include "stage/heap_sampler.hpp"
#include "stage/model_specs.hpp"
#include "stage/recognizer_specs.hpp"
#include "stage/service_keys.hpp"
#include "stage/service_table.hpp"
#include "state_folder.hpp"
#include "wire/topology.hpp"

extern char** environ;  // NOLINT

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

// Names of the session that every program may see.
constexpr std::string_view kSession[] = {
    "PATH", "HOME",      "LANG",     "LANGUAGE",        "TMPDIR",  "TZ",
    "USER", "LOG_LEVEL", "NO_COLOR", "LD_LIBRARY_PATH", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS"};
constexpr std::string_view kSessionPrefixes[] = {"LC_", "XDG_", "PULSE_", "ALSA_", "PIPEWIRE_"};
struct Secret {
  std::string_view name;
  std::string_view programs;
};
constexpr Secret kSecrets[] = {
    {stage::service_row("brain", "anthropic").own_key_name, "brain memory"},
    {stage::service_row("stt", "elevenlabs").own_key_name, "stt tts"},
    {stage::service_row("memory", "voyage").own_key_name, "memory"},
    {stage::service_row("brain", "home").own_key_name, "brain"},
    {"DATABASE_URL", "memory"},
};

// Of the services for vectors and ranks.
std::vector<std::string> vector_key_names(const stage::Config& config) {
  std::vector<std::string> names;
  for (const char* key : {"memory.embedding_key_env", "memory.rerank_key_env"})
    if (const std::string& name = config.get_string(key); !name.empty()) names.push_back(name);
  if (config.get_string("memory.embedder") == "openai")
    names.emplace_back(stage::service_row("memory", "openai").own_key_name);
  return names;
}

bool is_of_session(std::string_view name) {
  for (const std::string_view session : kSession)
    if (name == session) return true;
  for (const std::string_view prefix : kSessionPrefixes)
    if (name.starts_with(prefix)) return true;
  return false;
}

// Names that the MCP servers are given, by brain. What the session has is no secret.
std::vector<std::string> passed_on(const stage::Config& config) {
  std::vector<std::string> names;
  const json::Document servers = json::parse(config.get_tables("mcp.servers"));
  for (std::size_t i = 0; i < servers.root().size(); ++i) {
    const json::View wanted = servers.root().at(i).get("environment");
    for (std::size_t j = 0; j < wanted.size(); ++j)
      if (const std::string_view name = wanted.at(j).as_string();
          name.find('=') == std::string_view::npos && !is_of_session(name))
        names.emplace_back(name);
  }
  return names;
}

bool is_passed_on(std::string_view name, const stage::Config& config) {
  const std::vector<std::string> names = passed_on(config);
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool may_see(std::string_view name, const stage::Config& config) {
  if (is_secret(name, config)) return false;
  if (is_of_session(name)) return true;
  // Test programs in the stages' place take their orders from the environment; so do instrumented builds.
  const bool order = name.starts_with("PROT_FIXTURE_") || name.ends_with("SAN_OPTIONS");
  return order && std::getenv("PROT_STAGE_FOLDER") != nullptr;
}

// As far as the hard limits go. Memory is not limited: models are mapped.
std::vector<std::pair<int, rlimit>> limits_of(std::string_view stage) {
  constexpr rlim_t kFiles = 4096;
  constexpr rlim_t kPriority = 20;
  const auto limit = [](int resource, rlim_t wanted) {
    rlimit now{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
    const rlim_t most = ::geteuid() == 0 ? wanted : std::min(wanted, now.rlim_max);
    return std::pair<int, rlimit>(resource, {most, most});
  };
  std::vector<std::pair<int, rlimit>> limits = {limit(RLIMIT_NOFILE, kFiles)};
  // The audio threads ask for real time; privileges to take it they will have none.
  if (stage == "capture" || stage == "player") limits.push_back(limit(RLIMIT_RTPRIO, kPriority));
  return limits;
}

/// A stage: READY=1 on descriptor 3, lifeline on 4, the bells from 5 on.
class StageLauncher final : public Launcher {
 public:
  StageLauncher(std::string stage, const RunContext& run) : stage_(std::move(stage)), run_(&run) {}

  Launch next(bool begin, std::uint32_t generation) override {
    (void)begin;
    // Somebody may have removed them. The start of the run has told what cannot be made; a stage tells what
    // it cannot write.
    static_cast<void>(make_written_folders(stage_, run_->paths));
    Launch launch;
    launch.what = "prot-" + stage_;
    SpawnRequest& request = launch.request;
    request.path = find_program(launch.what);
    request.argv = {launch.what};
    request.environment = child_environment(run_->config);
    request.files = {{run_->lifeline_read.get(), 4}};
    request.limits = limits_of(stage_);
    std::string bells;
    int number = 5;
    for (const auto& [name, bell] : run_->bells) {
      request.files.emplace_back(bell.fd(), number);
      bells += fmt::format("{}{}={}", bells.empty() ? "" : ",", name, number++);
    }
    // What was accepted, not what the file says by now.
    config_ = make_sealed_file("prot-config", run_->config.snapshot(stage_));
    request.files.emplace_back(config_.get(), number);
    secrets_.reset();
    if (const std::string content = child_secrets(stage_, run_->config); !content.empty()) {
      secrets_ = make_sealed_file("prot-secrets", content);
      request.files.emplace_back(secrets_.get(), number + 1);
      request.environment.push_back(fmt::format("PROT_SECRETS_FD={}", number + 1));
    }
    if (run_->config.get_bool("general.heap_profile"))
      for (const std::string& entry : stage::HeapSampler::environment()) request.environment.push_back(entry);
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::string>>{
             {"PROT_INSTANCE", run_->paths.instance},
             {"PROT_STAGE", stage_},
             {"PROT_RUN", run_->run_id},
             {"PROT_GENERATION", std::to_string(generation)},
             {"PROT_LOG_FORMAT", "json"},
             {"PROT_READY_FD", "3"},
             {"PROT_LIFELINE_FD", "4"},
             {"PROT_BELLS", bells},
             {"PROT_CONFIG_FD", std::to_string(number)}})
      request.environment.push_back(fmt::format("{}={}", name, value));
    return launch;
  }
  // Who serves a sound device has no more time than its buffer.
  [[nodiscard]] Nanos watchdog() const override {
    return stage_ == "capture" || stage_ == "player" ? 500 * kMillisecond : 5 * kSecond;
  }
  [[nodiscard]] Nanos start_deadline() const override {
    const bool loads_model = stage_ == "stt" || stage_ == "tts" || stage_ == "memory" || stage_ == "capture";
    return (loads_model ? 60 : 10) * kSecond;
  }

 private:
  std::string stage_;
  const RunContext* run_;
  UniqueFd config_;   // of the newest process
  UniqueFd secrets_;  // likewise
};

fs::path own_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) throw Error("cannot find this program's own folder: " + error.message());
  return self.parent_path();
}

bool asks_llm(const stage::Config& config) { return stage::uses_local_model(config); }

}  // namespace

std::vector<std::string> programs_of(const stage::Config& config) {
  std::vector<std::string> names;
  const bool memory = config.get_bool("memory.enabled");
  const bool cluster = memory && config.get_string("memory.store") == "postgres" &&
                       config.get_string("memory.database_url").empty();
  for (const std::string_view program : wire::kPrograms) {
    if (program == "web" && !config.get_bool("web.enabled")) continue;
    if (program == "memory" && !memory) continue;
    if (program == "db" && !cluster) continue;
    if (program == "llm" && !(config.get_bool("llm.enabled") && asks_llm(config))) continue;
    names.emplace_back(program);
  }
  return names;
}

std::vector<std::string> start_dependencies(std::string_view program) {
  if (program == "memory") return {"db"};
  if (program == "brain") return {"llm"};  // which reads its prompt first
  // Nobody listens before everybody who answers is there; the conversation does not wait for memory.
  if (program == "capture") return {"llm", "player", "tts", "brain", "stt"};
  return {};
}

bool is_optional(std::string_view program) { return program == "web"; }

std::unique_ptr<Launcher> make_launcher(const std::string& program, const RunContext& run) {
  if (program == "db") return make_db_launcher(run);
  if (program == "llm") return make_llm_launcher(run);
  return make_stage_launcher(program, run);
}

std::unique_ptr<Launcher> make_stage_launcher(const std::string& stage, const RunContext& run) {
  return std::make_unique<StageLauncher>(stage, run);
}

std::string find_program(const std::string& name) {
  const fs::path own = own_folder();
  const std::string part = name.starts_with("prot-") ? name.substr(5) : name;
  std::vector<fs::path> places;
  if (const char* folder = std::getenv("PROT_STAGE_FOLDER"); folder != nullptr && folder[0] == '/')
    places.emplace_back(fs::path(folder) / name);
  places.push_back(own / name);
  places.push_back(own.parent_path() / part / name);
  places.push_back(own.parent_path() / "libexec" / "prot" / name);
  std::error_code error;
  for (const fs::path& place : places)
    if (::access(place.c_str(), X_OK) == 0 && !fs::is_directory(place, error)) return place.string();
  throw Error(name + " is not there (looked in " + places.front().parent_path().string() + ", " +
                  places.back().parent_path().string() + "); build or install prot again",
              2);
}

std::string users_of_secret(std::string_view name, const stage::Config& config) {
  std::string users;
  for (const Secret& secret : kSecrets)
    if (secret.name == name) users = secret.programs;
  if (name == config.get_string("brain.api_key_env")) users += " brain memory";
  for (const stage::RecognizerSpec& recogniser : stage::recognizer_specs(config))
    if (name == recogniser.key_name && !stage::has_word(users, "stt")) users += " stt";
  if (name == stage::voice_key_name(config) && !stage::has_word(users, "tts")) users += " tts";
  const std::vector<stage::ModelSpec> models = stage::model_specs(config);
  for (const stage::ModelSpec& model : models)
    if (!name.empty() && name == model.key_name)
      for (const char* user : {"brain", "memory"})  // memory asks the first one only
        if (!stage::has_word(users, user) && (user[0] == 'b' || &model == &models.front()))
          users += std::string(" ") + user;
  for (const std::string& key : vector_key_names(config))
    if (name == key && !stage::has_word(users, "memory")) users += " memory";
  if ((name == config.get_string("home_assistant.token_env") || is_passed_on(name, config)) &&
      !stage::has_word(users, "brain"))
    users += " brain";
  if (!name.empty() && name == config.get_string("web.token_env")) users += " web";
  return users;
}

std::vector<std::string> secret_names(const stage::Config& config) {
  std::vector<std::string> names;
  for (const Secret& secret : kSecrets) names.emplace_back(secret.name);
  const auto add = [&names](const std::string& key) {
    if (!key.empty() && std::find(names.begin(), names.end(), key) == names.end()) names.push_back(key);
  };
  add(config.get_string("brain.api_key_env"));
  for (const stage::RecognizerSpec& recogniser : stage::recognizer_specs(config)) add(recogniser.key_name);
  add(stage::voice_key_name(config));
  for (const stage::ModelSpec& model : stage::model_specs(config)) add(model.key_name);
  for (const std::string& name : vector_key_names(config)) add(name);
  add(config.get_string("home_assistant.token_env"));
  add(config.get_string("web.token_env"));
  for (const std::string& name : passed_on(config)) add(name);
  return names;
}

bool is_secret(std::string_view name, const stage::Config& config) {
  return !users_of_secret(name, config).empty();
}

std::string child_secrets(const std::string& program, const stage::Config& config) {
  std::string content;
  for (const std::string& name : secret_names(config)) {
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && stage::has_word(users_of_secret(name, config), program))
      content += name + "=" + value + '\0';
  }
  return content;
}

std::vector<std::string> child_environment(const stage::Config& config) {
  std::vector<std::string> list;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && may_see(pair.substr(0, equals), config)) list.emplace_back(pair);
  }
  return list;
}

}  // namespace prot::supervisor
