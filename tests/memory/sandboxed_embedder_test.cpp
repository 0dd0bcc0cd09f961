// A real llama-server as memory starts it: as a child of a process that has given up its rights.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "memory/embedders/local_server.hpp"
#include "memory/embedders/openai.hpp"
#include "stage/sandbox.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;

namespace {

/// What a sandboxed child says of two texts: as its exit status.
enum class Outcome : int { kVectors, kNoVectors, kAlike, kNotWritten, kNoServer };

/// Runs in the child, which ends with it.
Outcome embed(const stage::StageEnvironment& environment, const std::string& model) {
  const std::string done = stage::apply_sandbox(stage::sandbox_policy(environment));
  if (done.find("seccomp=on") == std::string::npos) return Outcome::kNotWritten;
  LocalServer::Settings settings;
  settings.program = std::string(PROT_ENGINES) + "/llama/bin/llama-server";
  settings.model = model;
  settings.pooling = "mean";
  settings.socket = (environment.paths.runtime / "embed.sock").string();
  LocalServer server(settings);
  try {
    server.need({}, 60 * kSecond);
  } catch (const std::exception&) {
    return Outcome::kNoServer;
  }
  VectorService service;
  service.url = "http://localhost/v1";
  service.unix_socket = settings.socket;
  service.rules = {.at_once = 1, .tries = 1};
  service.timeout_ms = 20'000;
  const Embedded made = make_openai_embedder(std::move(service))
                            ->embed(std::vector<std::string>{"teas", "a car"}, TextKind::kDocument, {});
  if (made.error || made.vectors.size() != 2 || made.vectors[0].size() != 64) return Outcome::kNoVectors;
  return made.vectors[0] == made.vectors[1] ? Outcome::kAlike : Outcome::kVectors;
}

}  // namespace

TEST_CASE("under memory's sandbox a real llama-server starts, and makes vectors") {
  const prot::test::TempFolder folder;
  const std::string model = (folder.path() / "small.gguf").string();
  const std::string made = (folder.path() / "bert").string();
  REQUIRE(std::system(("python3 '" PROT_SMALL_BERT "' '" + made + "' && python3 '" PROT_CONVERT_BERT "' '" +
                       made + "' '" + model + "'")
                          .c_str()) == 0);
  stage::StageEnvironment environment;
  environment.stage = "memory";
  environment.paths.runtime = folder.path() / "run";
  environment.paths.state = folder.path() / "state";
  std::filesystem::create_directories(environment.paths.runtime);
  std::filesystem::create_directories(environment.paths.state);
  ::setenv("TMPDIR", environment.paths.state.c_str(), 1);  // else everything here would be writable
  const pid_t pid = ::fork();                              // this process has one thread
  if (pid == 0) ::_exit(static_cast<int>(embed(environment, model)));
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  ::unsetenv("TMPDIR");
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == static_cast<int>(Outcome::kVectors));
}
