// A stage's log while it runs: level and turn from the board, secrets kept out.
#include "stage/stage_log.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "base/log.hpp"
#include "tests/support/private_run.hpp"

using namespace prot;
using namespace prot::test;

TEST_CASE("the level on the board holds from the next look on, and 0 goes back to the configured one") {
  const SteadyClock clock;
  PrivateRun run("tts", clock);
  const auto context = run.attach();
  set_log_level(LogLevel::kWarn);
  stage::StageLog log(*context);
  auto& wanted = run.board_of("supervisor").supervisor().programs[context->program()].log_level;
  CHECK(log_level() == LogLevel::kWarn);
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kError}) {
    wanted.store(1 + static_cast<std::uint32_t>(level));
    log.look();
    CHECK(log_level() == level);
  }
  wanted.store(77);  // nobody writes that: the configured one
  log.look();
  CHECK(log_level() == LogLevel::kWarn);
  wanted.store(1);
  log.look();
  wanted.store(0);
  log.look();
  CHECK(log_level() == LogLevel::kWarn);
}

TEST_CASE("a successor begins with the level that was set") {
  const SteadyClock clock;
  PrivateRun run("tts", clock);
  const auto context = run.attach();
  run.board_of("supervisor").supervisor().programs[context->program()].log_level.store(1);
  set_log_level(LogLevel::kInfo);
  const stage::StageLog log(*context);
  CHECK(log_level() == LogLevel::kDebug);
  set_log_level(LogLevel::kInfo);
}

TEST_CASE("keys and passwords of environment and configuration are hidden from every line") {
  ::setenv("SOME_API_KEY", "key-0123456789", 1);
  ::setenv("MY_OWN", "own-0123456789", 1);
  const auto with = [](const char* url) {
    return stage::Config::load("", {std::string("memory.database_url=") + url, "brain.api_key_env=MY_OWN"});
  };
  stage::prepare_log(with("postgresql://prot:pw-0123456789@db.example/prot"));
  stage::prepare_log(with("host=db.example password=word-0123456789 dbname=prot"));
  stage::prepare_log(with("postgresql://prot:pw@db.example/prot"));
  for (const char* text : {"key-0123456789", "own-0123456789", "pw-0123456789", "word-0123456789", "prot:pw@",
                           "postgresql://prot:pw-0123456789@db.example/prot"}) {
    const std::string line = without_secrets(std::string("see ") + text + " there");
    CHECK_MESSAGE(line == "see *** there", text);
  }
  CHECK(without_secrets("db.example is away") == "db.example is away");
  ::unsetenv("SOME_API_KEY");
  ::unsetenv("MY_OWN");
}
