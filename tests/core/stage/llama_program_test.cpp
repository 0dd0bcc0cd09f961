// Which llama-server is used: by supervisor for the language model, by memory for vectors.
#include "stage/llama_program.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>

#include "base/error.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::stage;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  Fixture() {
    paths.cache = folder.path() / "cache";
    ::setenv("PATH", (folder.path() / "bin").c_str(), 1);
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  ~Fixture() { ::setenv("PATH", before.c_str(), 1); }

  std::string make(const std::string& where, bool executable = true) const {
    const fs::path file = folder.path() / where;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "#!/bin/sh\n";
    fs::permissions(file, executable ? fs::perms::owner_all : fs::perms::owner_read);
    return file.string();
  }
  [[nodiscard]] std::string found(const std::vector<std::string>& overrides = {}) const {
    ConfigSources sources;
    sources.overrides = overrides;
    try {
      return llama_program(Config::load(sources), paths);
    } catch (const Error& error) {
      CHECK(error.exit_code() == 2);
      return std::string("none: ") + error.what();
    }
  }
  std::string before = ::getenv("PATH") != nullptr ? ::getenv("PATH") : "";
  prot::test::TempFolder folder;
  InstancePaths paths;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the one that is named, else prot's own, else that of the system") {
  CHECK(found() == "none: llama-server is not there: ./run builds it; or set llm.program");
  (void)make("bin/llama-server", false);
  CHECK(found().starts_with("none: "));
  fs::permissions(folder.path() / "bin/llama-server", fs::perms::owner_all);
  CHECK(found() == (folder.path() / "bin/llama-server").string());
  const std::string own = make("cache/engines/llama/bin/llama-server");
  CHECK(found() == own);
  const std::string named = make("elsewhere/llama");
  CHECK(found({"llm.program=" + named}) == named);
  CHECK(found({"llm.program=/no/such"}) == "none: llm.program = /no/such cannot be executed");
}
