#include "stage/model_specs.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace prot;
using namespace prot::stage;
using Kind = ModelSpec::Kind;

namespace {

Config load(const std::vector<std::string>& overrides, const std::string& key = {}) {
  ConfigSources sources;
  sources.environment = [&key](std::string_view name) -> std::optional<PlacedValue> {
    if (name != "ANTHROPIC_API_KEY" || key.empty()) return std::nullopt;
    return PlacedValue{key, ".env:1: ANTHROPIC_API_KEY: "};
  };
  sources.overrides = overrides;
  return Config::load(sources);
}

std::string error_of(const std::vector<std::string>& overrides) {
  try {
    (void)load(overrides);
  } catch (const UsageError& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE(
    "the first model: a server that is named, else the service whose key is there, else the local one") {
  CHECK(model_specs(load({})).front().kind == Kind::kLocal);
  CHECK(uses_local_model(load({})));
  const ModelSpec server = model_specs(load({"brain.url=http://a/v1", "brain.model=m"}, "sk")).front();
  CHECK(server.kind == Kind::kOpenAi);
  CHECK(server.url == "http://a/v1");
  CHECK(server.model == "m");
  CHECK(server.key_name == "OPENAI_API_KEY");
  const Config claude = load({}, "sk-key");
  CHECK(claude.place("brain.engine") == ".env:1: ANTHROPIC_API_KEY: ");
  CHECK(model_specs(claude).front().kind == Kind::kAnthropic);
  CHECK(model_specs(claude).front().url == "https://api.anthropic.com");
  CHECK(model_specs(claude).front().key_name == "ANTHROPIC_API_KEY");
  CHECK(claude.snapshot("brain").find("sk-key") == std::string::npos);
  CHECK(model_specs(Config::from_snapshot(claude.snapshot("brain"))).front().kind == Kind::kAnthropic);

  CHECK(model_specs(load({"brain.engine=local"}, "sk")).front().kind == Kind::kLocal);
  CHECK(model_specs(load({"brain.engine=openai"}, "sk")).front().url == "https://api.openai.com/v1");
  CHECK(model_specs(load({"brain.engine=anthropic", "brain.url=http://a"})).front().kind == Kind::kAnthropic);
  CHECK(model_specs(load({"brain.url=null:", R"(brain.fallback=["local"])"})).size() == 1);
}

TEST_CASE("the others in their order, each with what is its own") {
  const auto specs =
      model_specs(load({"brain.url=http://a", R"(brain.flags=["server=vllm","temperature=no"])",
                        R"(brain.fallback=["url=http://b model=m key=B_KEY tools=no",)"
                        R"("anthropic model=claude-haiku-4-5 effort=none","local"])"}));
  REQUIRE(specs.size() == 4);
  CHECK(specs[0].flag("server") == "vllm");
  CHECK(specs[0].flag("temperature") == "no");
  CHECK(specs[0].flag("tools").empty());
  CHECK(specs[1].kind == Kind::kOpenAi);
  CHECK(specs[1].key_name == "B_KEY");
  CHECK(specs[1].flag("tools") == "no");
  CHECK(specs[2].kind == Kind::kAnthropic);
  CHECK(specs[2].model == "claude-haiku-4-5");
  CHECK(specs[2].url == "https://api.anthropic.com");
  CHECK(specs[2].flag("effort") == "none");
  CHECK(specs[3].kind == Kind::kLocal);
}

TEST_CASE("a quick model gets the whole memory block") {
  CHECK(recall_tokens(load({})) == 120);
  CHECK(recall_tokens(load({"brain.url=http://a"})) == 3000);
  CHECK(recall_tokens(load({}, "sk")) == 3000);
  CHECK(recall_tokens(load({"memory.recall_tokens=0"}, "sk")) == 0);
}

TEST_CASE("what is wrong is said with its place and its words") {
  CHECK(error_of({R"(brain.fallback=["model=x"])"}) ==
        "--set: brain.fallback: 'model=x': an entry needs url=..., or is 'local' or 'anthropic'");
  CHECK(error_of({R"(brain.fallback=["anthropic role=developer"])"})
            .find("'role' is unknown there; there are") != std::string::npos);
  CHECK(error_of({R"(brain.fallback=["local model=x"])"}).find("'local' stands alone") != std::string::npos);
  CHECK(error_of({"brain.url=http://a", R"(brain.flags=["tools=maybe"])"}) ==
        "--set: brain.flags: 'tools' is one of: yes no");
  CHECK(error_of({R"(brain.flags=["tools=no"])"}).find("'tools' is unknown there") != std::string::npos);
}
