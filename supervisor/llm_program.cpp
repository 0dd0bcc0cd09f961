#include <unistd.h>

#include "base/error.hpp"
#include "programs.hpp"
#include "socket_probe.hpp"
#include "stage/llama_program.hpp"

namespace prot::supervisor {
namespace {

constexpr const char* kModelFile = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf";
constexpr long kSlots = 2;  // conversation, extraction
constexpr int kNice = 5;    // below the audio stages

SocketProbe::Answer judge_health(std::string_view answer) {
  if (answer.size() < 12) return SocketProbe::Answer::kIncomplete;  // "HTTP/1.1 200"
  return answer.substr(8, 4) == " 200" ? SocketProbe::Answer::kReady : SocketProbe::Answer::kNotYet;
}

/// llama-server on a Unix socket in the runtime folder. It survives its parent unless the kernel ends it, and
/// a TERM in mid-stream can hang it: short grace, then KILL (it holds nothing).
class LlmLauncher final : public Launcher {
 public:
  explicit LlmLauncher(const RunContext& run)
      : run_(&run),
        socket_((run.paths.runtime / "llm.sock").string()),
        probe_(socket_, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "",
               judge_health) {}

  Launch next(bool begin, std::uint32_t generation) override {
    (void)begin;
    (void)generation;
    probe_.reset();
    const stage::Config& config = run_->config;
    const std::string model = llm_model(config, run_->paths);
    if (::access(model.c_str(), R_OK) != 0)
      throw Error("llm: model file " + model +
                      " is not there: ./run fetches it; or set llm.model to a GGUF file, or brain.url to a "
                      "server",
                  2);
    ::unlink(socket_.c_str());  // llama-server never does
    const auto number = [](long value) { return std::to_string(value); };
    const long threads = config.get_int("llm.threads");
    Launch launch;
    launch.what = "llama-server";
    SpawnRequest& request = launch.request;
    request.path = find_llama_server(config, run_->paths);
    request.argv = {"llama-server", "--host", socket_, "-m", model, "-t", number(threads), "-c",
                    number(kSlots * config.get_int("llm.context_tokens")), "-np", number(kSlots),
                    // Small batches: a prompt under way stops soon after the client hangs up.
                    "-b", "128", "-ub", "128", "--no-webui", "--offline"};
    request.environment = child_environment(config);
    // Its threads meet about a thousand times for each token. To spin until the other comes starves the audio
    // stages, to sleep at once costs up to half of the speed: they spin for some 20 us, then sleep.
    request.environment.emplace_back("OMP_WAIT_POLICY=passive");
    request.environment.emplace_back("GOMP_SPINCOUNT=1000");
    request.nice = kNice;
    request.no_new_privs = true;
    return launch;
  }
  [[nodiscard]] bool says_ready() const override { return false; }
  Probe probe(Nanos now) override {
    (void)now;
    return probe_.ask();
  }
  [[nodiscard]] Nanos probe_interval() const override { return 50 * kMillisecond; }
  [[nodiscard]] bool exit_code_names_config() const override { return false; }
  [[nodiscard]] Nanos start_deadline() const override { return 120 * kSecond; }
  [[nodiscard]] StopSteps stop_steps() const override { return {{SIGTERM, 2 * kSecond}, {SIGKILL, kSecond}}; }
  [[nodiscard]] Nanos watchdog() const override { return 0; }

 private:
  const RunContext* run_;
  std::string socket_;
  SocketProbe probe_;
};

}  // namespace

std::string find_llama_server(const stage::Config& config, const InstancePaths& paths) {
  try {
    return stage::llama_program(config, paths);
  } catch (const Error& error) {
    const bool missing = config.get_string("llm.program").empty();
    throw Error("llm: " + std::string(error.what()) + (missing ? ", or brain.url to a server" : ""),
                error.exit_code());
  }
}

std::string llm_model(const stage::Config& config, const InstancePaths& paths) {
  return config.model_path("llm.model", paths.cache.string(), kModelFile);
}

std::unique_ptr<Launcher> make_llm_launcher(const RunContext& run) {
  return std::make_unique<LlmLauncher>(run);
}

}  // namespace prot::supervisor
