#include "memory/embedders/local.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "memory/vectors/golden_pairs.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using Kind = ServiceError::Kind;

namespace {

/// A program in llama-server's place: vectors of the words' meaning, or all alike, or it ends at once.
struct Fixture {
  prot::test::TempFolder folder;
  LocalServer::Settings settings;

  Fixture() {
    settings.program = PROT_FALSE_LLAMA;
    settings.model = (folder.path() / "model.gguf").string();
    settings.socket = (folder.path() / "embed.sock").string();
    settings.pooling = "mean";
    make_model("sound");
  }
  void make_model(const std::string& kind) const { std::ofstream(settings.model) << kind; }
  [[nodiscard]] std::string said() const {
    std::ifstream file(settings.model + ".log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::unique_ptr<Embedder> embedder(const std::shared_ptr<LocalServer>& server) const {
    VectorService service;
    service.rules = {.at_once = 1, .tries = 1};
    service.timeout_ms = 20'000;
    return make_local_embedder(server, settings, service, 30 * kSecond);
  }
};

const std::vector<std::string> kTexts{"green tea", "a red car"};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a model file on this machine makes vectors, once it has shown what it knows") {
  pid_t pid = 0;
  {
    const auto server = std::make_shared<LocalServer>(settings);
    const auto documents = embedder(server);
    const auto questions = embedder(server);
    CHECK(server->starts() == 0);  // nobody has asked
    CHECK(documents->model_id() == "local:model.gguf:5:mean");
    const Embedded embedded = documents->embed(kTexts, TextKind::kDocument, {});
    CHECK_FALSE(embedded.error.has_value());
    REQUIRE(embedded.vectors.size() == 2);
    CHECK_FALSE(embedded.vectors[1].empty());
    CHECK(questions->embed(kTexts, TextKind::kQuery, {}).vectors[0] == embedded.vectors[0]);
    CHECK(server->starts() == 1);
    CHECK((std::filesystem::status(settings.socket).permissions() & std::filesystem::perms::mask) ==
          (std::filesystem::perms::owner_all));  // whatever the umask
    CHECK(said().find("--pooling mean") != std::string::npos);
    pid = static_cast<pid_t>(std::stol(said().substr(said().find("pid ") + 4)));
    CHECK(::kill(pid, 0) == 0);
    std::ofstream(settings.model) << "another sound one";
    CHECK(embedder(server)->model_id() != documents->model_id());
  }
  CHECK(::kill(pid, 0) != 0);
  CHECK(::access(settings.socket.c_str(), F_OK) != 0);
}

TEST_CASE_FIXTURE(Fixture, "a file whose vectors say nothing is not used") {
  make_model("alike");
  const auto server = std::make_shared<LocalServer>(settings);
  const Embedded embedded = embedder(server)->embed(kTexts, TextKind::kDocument, {});
  REQUIRE(embedded.error.has_value());
  CHECK(embedded.error->kind() == Kind::kUnavailable);
  CHECK(std::string(embedded.error->what()).find("pooling") != std::string::npos);
  CHECK(embedded.refused.empty());
  CHECK(embedded.vectors[0].empty());
}

TEST_CASE_FIXTURE(Fixture, "a server that does not start, or dies, is begun again, not at once") {
  make_model("broken");
  const auto server = std::make_shared<LocalServer>(settings);
  const auto documents = embedder(server);
  const Embedded failed = documents->embed(kTexts, TextKind::kDocument, {});
  REQUIRE(failed.error.has_value());
  CHECK(failed.error->kind() == Kind::kUnavailable);
  CHECK(failed.error->retry_after() > 0);
  make_model("sound");
  const Embedded early = documents->embed(kTexts, TextKind::kDocument, {});
  REQUIRE(early.error.has_value());
  CHECK(early.error->retry_after() > 0);
  CHECK(server->starts() == 1);
}

TEST_CASE_FIXTURE(Fixture, "whoever is told to stop does not wait for it, nor does a question") {
  make_model("silent");
  const auto server = std::make_shared<LocalServer>(settings);
  const auto documents = embedder(server);
  std::stop_source stop;
  Embedded embedded;
  std::jthread worker([&] { embedded = documents->embed(kTexts, TextKind::kDocument, stop.get_token()); });
  const Nanos deadline = monotonic_now() + 20 * kSecond;
  while (said().empty() && monotonic_now() < deadline) ::usleep(10'000);
  VectorService service;
  const auto questions = make_local_embedder(server, settings, service, kMillisecond);
  const Nanos begin = monotonic_now();
  const Embedded question = questions->embed(kTexts, TextKind::kQuery, {});
  CHECK(question.error.has_value());
  CHECK(monotonic_now() - begin < 2 * kSecond);
  stop.request_stop();
  worker.join();
  REQUIRE(embedded.error.has_value());
  CHECK(embedded.error->kind() == Kind::kCancelled);
}
