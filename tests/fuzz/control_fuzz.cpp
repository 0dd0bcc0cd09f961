// libFuzzer over control.sock: whatever clients send, in whatever pieces, while stages come and go, the real
// server and the real commands answer whole messages of valid JSON, and go on answering.
//
// The input is a list of steps: one byte says what, one which client or stage, two how long the data is, then
// the data. Processes and clock are fakes. "control_fuzz --seeds FOLDER" writes inputs of every known
// command.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <string>

#include "control_desk.hpp"
#include "stage/control.hpp"
#include "tests/supervisor/fake_process_sys.hpp"
#include "wire/topology.hpp"

using namespace prot;
using namespace prot::supervisor;

namespace {

constexpr std::size_t kClients = 4;
constexpr const char* kCommands[] = {"status", "down", "wait",      "start", "stop",    "restart", "join",
                                     "logs",   "hold", "log-level", "debug", "release", "reload",  "missing"};

enum Step : std::uint8_t { kRaw, kFramed, kCommand, kClose, kTime, kReady, kEnd, kOutput, kPhase, kSteps };

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "control_fuzz: %s\n", what);
  std::abort();
}

class HandClock final : public Clock {
 public:
  [[nodiscard]] Nanos now() const noexcept override { return time; }
  Nanos time = kSecond;
};

class PaperLauncher final : public Launcher {
 public:
  Launch next(bool, std::uint32_t) override {
    Launch launch;
    launch.what = "paper";
    launch.request.path = "/bin/true";
    launch.request.argv = {"paper"};
    return launch;
  }
  [[nodiscard]] Nanos start_deadline() const override { return 10 * kSecond; }
};

/// A temporary folder and the segments of one instance, for the whole run of the fuzzer.
class World : public ProgramHost, public DeskHost {
 public:
  World() : instance(sys, clock) {
    const char* temporary = std::getenv("TMPDIR");
    std::string folder = std::string(temporary != nullptr ? temporary : "/tmp") + "/fuzz-XXXXXX";
    require(::mkdtemp(folder.data()) != nullptr, "no temporary folder");
    instance.run.paths.instance = "fuzz" + std::to_string(::getpid());
    instance.run.paths.runtime = instance.run.paths.state = folder;
    instance.run.run_id = new_run_id();
    instance.run.config = stage::Config::load("", {});
    for (const std::string_view stage : wire::kDrainOrder)
      instance.run.bells.emplace(stage, ipc::Doorbell::create());
    instance.segments.emplace(instance.run.paths.instance, instance.run.run_id);
    instance.segments->remove();  // the mapping stays; nothing is left behind by a crash
    socket = folder + "/control.sock";
  }
  ~World() override {
    std::error_code error;
    std::filesystem::remove_all(instance.run.paths.runtime, error);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void begin() {
    sys.processes.clear();
    instance.phase = Phase::kRunning;
    instance.logs.emplace(instance.run.paths.state / "log", clock);
    for (const std::string_view stage : wire::kDrainOrder)
      instance.programs.push_back(std::make_unique<Program>(
          std::string(stage), std::make_unique<PaperLauncher>(), sys, instance.loop, clock, *this));
    for (const auto& program : instance.programs) program->start();
    desk = std::make_unique<ControlDesk>(instance, *this);
    desk->open(socket);
    turn();
  }
  void end() {
    desk->stop_listening();
    desk.reset();
    instance.programs.clear();
    instance.logs.reset();
  }
  /// One turn of the supervisor's loop.
  void turn() {
    for (int i = 0; i < 4 && instance.loop.poll(); ++i) {
    }
    for (const auto& program : instance.programs) program->on_time(clock.now());
    desk->answer_waiters(clock.now());
  }

  void on_state(Program&, const std::string&) override {}
  void on_generation(Program&) override {}
  void on_death(Program&, const ExitStatus&) override {}
  void on_output(Program& program, std::string_view bytes) override {
    instance.logs->append(program.name(), bytes);
  }
  [[nodiscard]] bool draining() const override { return instance.phase >= Phase::kDraining; }
  void ask_to_stop() override { instance.phase = Phase::kDraining; }
  void hurry() override {}
  void joiner_gone(const std::string& program) override {
    if (Program* held = instance.find(program); held != nullptr) held->release();
  }
  void show(const Program&) override {}
  void say(const std::string& line) override { desk->tell_progress(line); }

  FakeProcessSys sys;
  HandClock clock;
  Instance instance;
  std::unique_ptr<ControlDesk> desk;
  std::string socket;
};

World* world = nullptr;

/// One client: what it sends, and whether what comes is whole.
class FuzzClient {
 public:
  void send(std::span<const std::uint8_t> data) {
    if (!socket_) {
      try {
        socket_ = stage::connect_unix(world->socket);
      } catch (const Error&) {
        return;  // the queue of those who wait is full
      }
      received_.clear();
    }
    (void)!::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  void send_framed(std::string_view text) {
    const auto length = static_cast<std::uint32_t>(text.size());
    std::string message(reinterpret_cast<const char*>(&length), sizeof length);
    message += text;
    send(std::span(reinterpret_cast<const std::uint8_t*>(message.data()), message.size()));
  }
  void close() { socket_.reset(); }
  /// How many whole messages have come.
  int receive() {
    int messages = 0;
    char buffer[16384];
    while (socket_) {
      // Descriptors that ride on a message are closed by the kernel: nobody asks for them here.
      const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (n <= 0) {
        if (n == 0) close();
        break;
      }
      received_.append(buffer, static_cast<std::size_t>(n));
    }
    while (received_.size() >= 4) {
      std::uint32_t length = 0;
      std::memcpy(&length, received_.data(), sizeof length);
      require(length <= (1U << 20U), "a message of absurd length");
      if (received_.size() < 4 + length) break;
      try {
        require(json::parse(received_.substr(4, length)).root().is_object(), "an answer that is no object");
      } catch (const Error&) {
        require(false, "an answer that is not JSON");
      }
      received_.erase(0, 4 + length);
      ++messages;
    }
    return messages;
  }

 private:
  UniqueFd socket_;
  std::string received_;
};

std::string command_text(std::uint8_t which, std::uint8_t flags, std::string_view data) {
  json::Writer out;
  out.begin_object().member("cmd", kCommands[which % std::size(kCommands)]);
  if ((flags & 1U) != 0) out.member("stage", wire::kDrainOrder[which % wire::kDrainOrder.size()]);
  if ((flags & 2U) != 0) out.member("for", "ready").member("timeout_ms", static_cast<int>(flags) * 1000);
  if ((flags & 4U) != 0) out.member("follow", true).member("lines", static_cast<int>(which));
  if ((flags & 8U) != 0) out.member("now", true).member("wait", true).member("drain", true);
  if ((flags & 16U) != 0) out.member("level", data).member("mode", data).member("token", data);
  return out.end_object().str();
}

Program& program_at(std::uint8_t which) {
  return *world->instance.programs[which % world->instance.programs.size()];
}

void step(std::uint8_t what, std::uint8_t which, std::span<const std::uint8_t> data, FuzzClient* clients) {
  FuzzClient& client = clients[which % kClients];
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  const pid_t pid = program_at(which).pid();
  const bool runs = world->sys.processes.contains(pid) && !world->sys.processes.at(pid).ended;
  switch (what % kSteps) {
    case kRaw:
      return client.send(data);
    case kFramed:
      return client.send_framed(text);
    case kCommand:
      return client.send_framed(command_text(which, data.empty() ? 0 : data[0],
                                             text.substr(std::min<std::size_t>(1, text.size()))));
    case kClose:
      return client.close();
    case kTime:
      world->clock.time += (data.empty() ? 1 : data[0]) * 50 * kMillisecond;
      return;
    case kReady:
      if (runs) world->sys.say_ready(pid);
      return;
    case kEnd:
      if (runs) world->sys.end(pid, data.empty() ? 0 : static_cast<std::int8_t>(data[0]));
      return;
    case kOutput:
      return world->on_output(program_at(which), text);
    default:
      if (world->instance.phase == Phase::kRunning && which == 0xFF) world->ask_to_stop();
      return;
  }
}

void write_seeds(const std::string& folder) {
  for (std::size_t i = 0; i < std::size(kCommands); ++i)
    for (const int flags : {0, 1, 2, 7, 31}) {
      std::string input = {kReady, static_cast<char>(i), 0, 0};
      input += {kCommand, static_cast<char>(i), 2, 0, static_cast<char>(flags), 'x'};
      const std::string text =
          command_text(static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(flags), "info");
      input += {kFramed, static_cast<char>(i + 1), static_cast<char>(text.size()), 0};
      input += text;
      input += {kTime, 0, 1, 0, 100, kEnd, static_cast<char>(i), 1, 0, 1, kClose, static_cast<char>(i), 0, 0};
      std::ofstream(folder + "/seed" + std::to_string(i) + "-" + std::to_string(flags), std::ios::binary)
          << input;
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {  // NOLINT(readability-identifier-naming)
  if (*argc == 3 && std::string((*argv)[1]) == "--seeds") {
    write_seeds((*argv)[2]);
    std::exit(0);
  }
  static World only;
  world = &only;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
  world->begin();
  {
    FuzzClient clients[kClients];
    std::span<const std::uint8_t> left(data, size);
    for (int steps = 0; left.size() >= 4 && steps < 100; ++steps) {
      const std::size_t length = std::min<std::size_t>(left[2] + 256U * left[3], left.size() - 4);
      step(left[0], left[1], left.subspan(4, length), clients);
      left = left.subspan(4 + length);
      world->turn();
      for (FuzzClient& client : clients) (void)client.receive();
    }
  }
  world->turn();
  // Whatever happened: whoever asks now is answered.
  FuzzClient last;
  last.send_framed(R"({"cmd":"status"})");
  int answers = 0;
  for (int i = 0; i < 20 && answers == 0; ++i) {
    world->turn();
    answers = last.receive();
  }
  require(answers == 1, "status is not answered any more");
  last.close();
  world->end();
  return 0;
}
