// MCP servers as processes: tests/support/mcp_server.py.
#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>

#include "base/error.hpp"
#include "base/log.hpp"
#include "brain/tools/mcp_tools.hpp"
#include "support/temp_folder.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;

namespace {

constexpr Nanos kPatience = 60 * kSecond;  // of the test; what is tested has limits of its own

std::size_t open_files() {
  std::size_t count = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) count += one.exists() ? 1 : 0;
  return count;
}

McpCommand server(std::vector<std::string> options = {}, const std::string& name = "test") {
  McpCommand command{name, {"python3", PROT_MCP_SERVER}, {}, {}, {}};
  for (const char* variable : {"PATH", "HOME"})
    if (const char* value = std::getenv(variable))
      command.environment.push_back(std::string(variable) + "=" + value);
  for (std::string& one : options) command.argv.push_back(std::move(one));
  return command;
}

/// A hub, and waiting for what it tells.
class Bench {
 public:
  explicit Bench(std::vector<McpCommand> commands, McpTimes times = {30 * kSecond, 30 * kSecond})
      : hub(std::make_shared<McpHub>(std::move(commands), times, "1.0", [this] {
          const std::lock_guard lock(mutex_);
          ++news_;
          changed_.notify_all();
        })) {}
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  template <typename Condition>
  bool wait(const Condition& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(kPatience);
    for (;;) {
      std::uint64_t seen = 0;
      {
        const std::lock_guard lock(mutex_);
        seen = news_;
      }
      if (condition()) return true;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, until, [&] { return news_ != seen; })) return condition();
    }
  }
  std::string words(std::size_t server = 0) { return hub->views()[server].words; }
  bool says(std::string_view piece, std::size_t server = 0) {
    const bool said = wait([&] { return words(server).find(piece) != std::string::npos; });
    if (!said) MESSAGE("it says: ", words(server));
    return said;
  }
  std::string call(const std::string& tool, const std::string& text = "", std::size_t server = 0) {
    const auto id = hub->call(server, tool, R"({"text":")" + text + "\"}");
    std::optional<McpResult> result;
    wait([&] { return (result = hub->take(id)).has_value(); });
    if (!result) return "nothing";
    return (result->failed ? "failed: " : "") + result->text;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t news_ = 0;

 public:
  std::shared_ptr<McpHub> hub;  // the last: its thread calls what is above from the moment it is made
};

/// What is logged while `act` has a bench with that server.
template <typename Act>
std::string log_of(const McpCommand& command, const Act& act) {
  std::mutex mutex;
  std::string log;
  set_log_observer(
      [&](const LogRecord& record) {
        const std::lock_guard lock(mutex);
        log += record.message + "\n";
      },
      false);
  {
    Bench bench({command});
    act(bench);
  }
  set_log_observer({}, false);
  return log;
}

/// The processes that the server wrote down, as descriptors that tell their end.
std::vector<UniqueFd> processes(const std::string& file) {
  std::vector<UniqueFd> out;
  const Nanos until = monotonic_now() + kPatience;
  while (!std::filesystem::exists(file) && monotonic_now() < until) ::poll(nullptr, 0, 5);
  std::ifstream in(file);
  for (int pid = 0; in >> pid;) out.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return out;
}
bool all_end(const std::vector<UniqueFd>& processes, Nanos within) {
  const Nanos until = monotonic_now() + within;
  for (const UniqueFd& one : processes) {
    if (!one) continue;  // it is gone already
    pollfd ended{one.get(), POLLIN, 0};
    const Nanos left = std::max<Nanos>(until - monotonic_now(), 0);
    if (::poll(&ended, 1, static_cast<int>(left / kMillisecond)) != 1) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("tools are listed, called, changed; the server has its own environment and nothing else of ours") {
  const std::size_t before = open_files();
  ::setenv("PROT_TEST_SECRET", "do not tell", 1);
  {
    McpCommand command = server();
    command.environment.push_back("GIVEN=yes");
    Bench bench({command});
    REQUIRE(bench.says("7 tools"));
    CHECK(bench.call("echo", "안녕 \\\"you\\\"") == "안녕 \"you\"");
    CHECK(bench.call("fail") == "failed: it did not work");
    CHECK(bench.call("no such tool").find("echo") == std::string::npos);
    const std::string environment = bench.call("environment");
    CHECK(environment.find("GIVEN") != std::string::npos);
    CHECK(environment.find("PROT_TEST_SECRET") == std::string::npos);
    CHECK(bench.call("big", "3000000").size() == McpSession::kMaxResult);
    CHECK(bench.call("big", "10000000").find("more than 4 MiB") != std::string::npos);
    CHECK(bench.call("echo", "still there") == "still there");
    CHECK(bench.call("grow") == "done");
    CHECK(bench.says("8 tools"));
  }
  CHECK(open_files() == before);
}

TEST_CASE("the tools of two servers do not clash, and a destructive one is asked before") {
  Bench bench({server({}, "one"), server({}, "two")});
  REQUIRE(bench.says("7 tools", 0));
  REQUIRE(bench.says("7 tools", 1));
  McpTools tools(bench.hub);
  CHECK(tools.changed());
  const auto list = tools.tools();
  CHECK_FALSE(tools.changed());
  REQUIRE(list.size() == 14);
  CHECK(list[0]->description().name == "one__echo");
  CHECK(list[7]->description().name == "two__echo");
  CHECK(tools.words() == "one: 7 tools; two: 7 tools");
  const json::Document arguments = json::parse(R"({"text":"the disk. Now!"})");
  const std::unique_ptr<ToolUse> asked = list[6]->start(arguments.root(), 0);
  CHECK_FALSE(asked->poll(0).has_value());
  REQUIRE(asked->needs_consent() != nullptr);
  CHECK(asked->needs_consent()->en == "Run wipe of one, the disk  Now .");
  const std::unique_ptr<ToolUse> agreed = list[6]->start_agreed(arguments.root(), 0);
  std::optional<std::string> result;
  CHECK(bench.wait([&] { return (result = agreed->poll(0)).has_value(); }));
  CHECK(result.value_or("") == "wiped the disk. Now!");
  CHECK(mcp_tool_name("a", "b c/" + std::string(90, 'x')).size() == 64);
}

TEST_CASE("an MCP tool is asked for unless its server, or the configuration, says that it is harmless") {
  const auto asked = [](std::vector<std::string> confirm, std::vector<std::string> free) {
    McpCommand command = server({"--hints"});
    command.confirm = std::move(confirm);
    command.free = std::move(free);
    Bench bench({command});
    REQUIRE(bench.says("16 tools"));
    std::set<std::string> names;
    const json::Document arguments = json::parse(R"({"text":"x"})");
    for (const auto& tool : McpTools(bench.hub).tools()) {
      const std::unique_ptr<ToolUse> use = tool->start(arguments.root(), 0);
      if (use->needs_consent() != nullptr) names.insert(tool->description().name.substr(6));
    }
    return names;
  };
  using Names = std::set<std::string>;
  CHECK(asked({}, {}) == Names{"wipe", "no_hints", "empty", "title", "writes", "destroys", "odd", "list"});
  CHECK(asked({"reads", "adds"}, {"no_hints", "wipe", "destroys", "reads", "NO_HINTS"}) ==
        Names{"empty", "title", "writes", "odd", "list", "reads", "adds"});
  CHECK(asked({}, {"*"}).empty());
  CHECK(asked({"echo"}, {"*"}) == Names{"echo"});
  CHECK(asked({"*"}, {"no_hints", "*"}).size() == 16);
}

TEST_CASE("what a server that has tools writes on stderr is in the log only where what is said may be") {
  for (const bool content : {false, true}) {
    set_log_level(LogLevel::kDebug);
    set_log_content(content);
    const std::string log = log_of(server({"--fault", "exit_at_call"}), [](Bench& bench) {
      REQUIRE(bench.says("7 tools"));
      CHECK(bench.call("echo", "my-diary").starts_with("failed: "));
      CHECK(bench.says("down: exited with code 5"));
    });
    set_log_content(false);
    set_log_level(LogLevel::kInfo);
    CHECK(log.find("MCP server test exited with code 5\n") != std::string::npos);
    CHECK((log.find("my-diary") != std::string::npos) == content);
    CHECK((log.find("ValueError") != std::string::npos) == content);
  }
}

TEST_CASE("what a server writes on stderr before it has tools is in the log, but for its keys") {
  McpCommand command = server({}, "ill");
  command.argv = {"sh", "-c", "echo \"no licence for $GIVEN_KEY in $PLACE\" >&2; exit 3"};
  command.environment.insert(command.environment.end(), {"GIVEN_KEY=sk-canary-4f1c", "PLACE=/root/.npm"});
  const std::string log =
      log_of(command, [](Bench& bench) { CHECK(bench.says("down: exited with code 3")); });
  CHECK(log.find("MCP server ill wrote at last: no licence for (GIVEN_KEY) in /root/.npm\n") !=
        std::string::npos);
  CHECK(log.find("canary") == std::string::npos);
}

TEST_CASE("a server looks into no other process") {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1U) < 1) return;  // a kernel without
  const TempFolder folder;
  const std::string file = (folder.path() / "seen").string();
  Bench bench({server({"--spy", file})});
  REQUIRE(bench.says("7 tools"));
  std::ifstream in(file);
  const std::string seen(std::istreambuf_iterator<char>(in), {});
  const json::Document document = json::parse(seen);
  for (const char* who : {"guardian", "brain"}) {
    const json::View files = document.get(who);
    REQUIRE(files.size() >= 3);
    for (std::size_t i = 0; i < files.size(); ++i) {
      CAPTURE(seen);
      CHECK(files.at(i).as_string() == "PermissionError");
    }
  }
}

TEST_CASE("each way to misbehave is named in one line, ended with all it started, and tried again") {
  struct Sample {
    const char* fault;
    const char* words;
    bool called;
  };
  const Sample samples[] = {
      {"silent", "down: does not answer at its start", false},
      {"deaf", "down: does not answer at its start", false},
      {"garbage", "down: writes what is no JSON", false},
      {"flood", "down: ", false},  // or silent at its start, on a machine where it comes to no flood
      {"endless", "down: writes a line that does not end", false},
      {"exit_at_start", "down: exited with code 3", false},
      {"no_list", "down: has no list of tools: no list (-32000)", false},
      {"refuse", "down: refuses: not today (-32602)", false},
      {"exit_at_call", "down: exited with code 5", true},
      {"close_output", "down: has closed its output", true},
  };
  const std::size_t before = open_files();
  for (const Sample& sample : samples) {
    CAPTURE(sample.fault);
    const TempFolder folder;
    const std::string pids = (folder.path() / "pids").string();
    const bool never = std::string_view(sample.words).ends_with("start");
    Bench bench({server({"--fault", sample.fault, "--child", "--pids", pids})},
                {never ? 2 * kSecond : 30 * kSecond, 30 * kSecond});
    const std::vector<UniqueFd> started = processes(pids);
    CHECK(started.size() == 3);
    if (sample.called) {
      REQUIRE(bench.says("7 tools"));
      CHECK(bench.call("echo", "x").starts_with("failed: "));
    }
    CHECK(bench.says(sample.words));
    CHECK(all_end(started, 10 * kSecond));
    std::filesystem::remove(pids);
    CHECK(processes(pids).size() == 3);  // another one
  }
  CHECK(open_files() == before);
}

TEST_CASE("a server that hangs in a call is found out when the call is given up") {
  Bench bench({server({"--fault", "hang_at_call"})});
  REQUIRE(bench.says("7 tools"));
  bench.hub->cancel(bench.hub->call(0, "echo", "{}"));
  CHECK(bench.says("down: hangs"));
  CHECK(bench.call("echo").starts_with("failed: the server"));
}

TEST_CASE("a server that writes a million lines on stderr, or more tools than fit, is served all the same") {
  Bench bench({server({"--fault", "stderr"}), server({"--fault", "huge_schema", "--tools", "100"}, "many"),
               server({"--version", "2024-11-05", "--fault", "odd_tools"}, "odd")});
  CHECK(bench.says("7 tools", 0));
  CHECK(bench.says("64 tools, 16 left out", 1));
  CHECK(bench.says("7 tools, 5 left out", 2));
  McpTools tools(bench.hub);
  CHECK(tools.tools().size() == McpTools::kMostTools);
}

TEST_CASE("a program that is not there costs nothing but a line") {
  Bench bench({{"none", {"no-such-program"}, {}, {}, {}}, {"text", {"/etc/passwd"}, {}, {}, {}}});
  CHECK(bench.says("down: cannot be started: no-such-program is not in PATH", 0));
  CHECK(bench.says("down: cannot be started: Permission denied", 1));
}

TEST_CASE("the end of brain, whatever it is, is the end of its servers and of what they started") {
  const TempFolder folder;
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    const std::string pids = (folder.path() / (killed ? "killed" : "ended")).string();
    const auto options = std::vector<std::string>{"--fault", "ignores_term", "--child", "--pids", pids};
    const pid_t brain = ::fork();
    if (brain == 0) {
      auto bench = std::make_unique<Bench>(std::vector<McpCommand>{server(options)});
      const bool ready = bench->says("7 tools");
      if (killed) ::pause();
      bench.reset();
      ::_exit(ready ? 0 : 1);
    }
    const std::vector<UniqueFd> started = processes(pids);
    CHECK(started.size() == 3);
    if (killed) {
      ::kill(brain, SIGKILL);
      const Nanos began = monotonic_now();
      CHECK(all_end(started, 5 * kSecond));
      MESSAGE("all gone ", (monotonic_now() - began) / kMicrosecond, " us after the kill");
    }
    int status = 0;
    CHECK(::waitpid(brain, &status, 0) == brain);
    CHECK(all_end(started, 5 * kSecond));
    if (!killed) CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
}

TEST_CASE("the configuration names the servers, and what they get of the environment") {
  ::setenv("PATH", "/usr/bin:/bin", 1);
  const auto commands = read_mcp_servers(
      R"([{"name":"a","command":["x","y"],"environment":["KEY","HOME=/nowhere","MISSING"],"confirm":["*"],"free":["b"]}])",
      [](const std::string& name) { return name == "KEY" ? std::string("k") : std::string(); });
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].argv == std::vector<std::string>{"x", "y"});
  CHECK(commands[0].confirm == std::vector<std::string>{"*"});
  CHECK(commands[0].free == std::vector<std::string>{"b"});
  const auto has = [&](const char* pair) {
    return std::find(commands[0].environment.begin(), commands[0].environment.end(), pair) !=
           commands[0].environment.end();
  };
  CHECK(has("KEY=k"));
  CHECK(has("HOME=/nowhere"));
  CHECK(has("PATH=/usr/bin:/bin"));
  for (const std::string& pair : commands[0].environment) CHECK_FALSE(pair.starts_with("MISSING"));
}
