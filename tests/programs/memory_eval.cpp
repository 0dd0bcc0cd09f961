// memory_eval: how much of what is asked for memory finds. doc/recall.md has the corpus format.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "base/error.hpp"
#include "base/log.hpp"
#include "json/json.hpp"
#include "memory/embedders/hashed.hpp"
#include "memory/embedders/openai.hpp"
#include "memory/stores/in_memory.hpp"
#include "memory/stores/postgres.hpp"
#include "memory/stores/ram_vectors.hpp"
#include "tests/memory/eval/evaluation.hpp"
#include "tests/support/postgres.hpp"

namespace {

using namespace prot;

constexpr const char* kUsage =
    "usage: memory_eval CORPUS.jsonl [--k N] [--tokens N] [--json] [--baseline bm25] [--store ram|postgres]\n"
    "                   [--misses] [--embedder hashed|URL] [--embedding-model NAME]\n"
    "Feeds a corpus through memory (queue, apply, recall) and prints recall among the first k, recall "
    "inside\n"
    "the block of so many tokens, and the time that a block takes. --baseline: plain BM25 over turns "
    "instead.\n"
    "--store postgres: a private PostgreSQL instead of a store in memory. --misses: what was not found.\n"
    "--embedder: vectors too, hashed ones or those of a server with /v1/embeddings (EMBEDDING_API_KEY).\n";

struct Options {
  std::string file;
  eval::Settings settings;
  bool json = false;
  bool postgres = false;
  bool misses = false;
  std::string embedder;
  std::string embedding_model;
};

memory::DenseLeg::Parts dense_parts(const Options& options) {
  memory::DenseLeg::Parts parts;
  parts.store = std::make_unique<memory::RamVectors>();
  const auto make = [&]() -> std::unique_ptr<memory::Embedder> {
    if (options.embedder == "hashed") return memory::make_hashed_embedder();
    memory::VectorService service;
    service.url = options.embedder;
    service.model = options.embedding_model;
    if (const char* key = std::getenv("EMBEDDING_API_KEY"); key != nullptr) service.api_key = key;
    service.rules.at_once = 2;
    return memory::make_openai_embedder(std::move(service));
  };
  parts.documents = make();
  parts.questions = make();
  return parts;
}

std::size_t number(const std::string& option, const char* text, long most) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < 1 || value > most)
    throw UsageError(option + " must be a whole number from 1 to " + std::to_string(most));
  return static_cast<std::size_t>(value);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    // "--k 5" and "--k=5"
    const std::size_t equals = argument.starts_with("--") ? argument.find('=') : std::string::npos;
    const char* const joined = equals == std::string::npos ? nullptr : argv[i] + equals + 1;
    if (joined != nullptr) argument.resize(equals);
    const auto value = [&]() -> const char* {
      if (joined != nullptr) return joined;
      if (i + 1 == argc) throw UsageError(argument + " needs a value");
      return argv[++i];
    };
    const auto choice = [&](std::string_view one, std::string_view other) {
      const std::string_view chosen = value();
      if (chosen != one && chosen != other)
        throw UsageError(argument + " cannot be '" + std::string(chosen) + "'");
      return chosen == one;
    };
    if (argument == "--k") {
      options.settings.k = number(argument, value(), 10'000);
    } else if (argument == "--tokens") {
      options.settings.tokens = number(argument, value(), 1'000'000);
    } else if (joined != nullptr && (argument == "--json" || argument == "--misses")) {
      throw UsageError(argument + " takes no value");
    } else if (argument == "--json") {
      options.json = true;
    } else if (argument == "--misses") {
      options.misses = true;
    } else if (argument == "--embedder") {
      options.embedder = value();
    } else if (argument == "--embedding-model") {
      options.embedding_model = value();
    } else if (argument == "--baseline") {
      options.settings.plain = choice("bm25", "bm25");
    } else if (argument == "--store") {
      options.postgres = choice("postgres", "ram");
    } else if (!argument.starts_with("--") && options.file.empty()) {
      options.file = argument;
    } else {
      throw UsageError("unexpected argument '" + argument + "'");
    }
  }
  if (options.file.empty()) throw UsageError("a corpus is needed");
  return options;
}

void print_miss(const eval::Line& line, const eval::Findings& found) {
  const auto& question = std::get<eval::Question>(line.what);
  for (const std::string& id : question.evidence) {
    const auto place = std::find(found.ranked.begin(), found.ranked.end(), id);
    const bool in_block = found.in_block.contains(id);
    if (place != found.ranked.end() && in_block) continue;
    std::printf("%s %s: %s [%s]%s%s\n", line.conversation.c_str(), question.category.c_str(),
                question.text.c_str(), id.c_str(), place == found.ranked.end() ? " not ranked" : "",
                in_block ? "" : " not in the block");
  }
}

void print_table(const eval::Report& report, const Options& options) {
  const auto row = [](const char* name, const eval::Figures& figures) {
    std::printf("%-24s %9zu %12.3f %12.3f\n", name, figures.questions, figures.at_k, figures.in_block);
  };
  std::printf("%zu messages; %s\n", report.messages,
              options.settings.plain ? "plain BM25 over turns" : "prot's memory");
  std::printf("%-24s %9s %10s%2zu %6s %5zu\n", "", "questions", "recall@", options.settings.k, "in",
              options.settings.tokens);
  for (const auto& [category, figures] : report.by_category) row(category.c_str(), figures);
  row("all", report.all);
  std::printf("block: p50 %.2f ms, p95 %.2f ms\n", report.percentile(0.5), report.percentile(0.95));
}

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4f", value);
  return text;
}

void print_json(const eval::Report& report) {
  json::Writer out;
  const auto figures = [&](const eval::Figures& of) {
    out.member("questions", of.questions).key("recall_at_k").raw(rounded(of.at_k));
    out.key("recall_in_block").raw(rounded(of.in_block));
  };
  out.begin_object();
  figures(report.all);
  out.key("by_category").begin_object();
  for (const auto& [category, of] : report.by_category) {
    out.key(category).begin_object();
    figures(of);
    out.end_object();
  }
  out.end_object().key("p50_ms").raw(rounded(report.percentile(0.5)));
  out.key("p95_ms").raw(rounded(report.percentile(0.95))).end_object();
  std::printf("%s\n", out.str().c_str());
}

void run(Options& options) {
  const std::vector<eval::Line> corpus = eval::read_corpus(options.file);
  std::optional<test::PrivatePostgres> server;
  int databases = 0;
  options.settings.store = [&] {
    if (!options.postgres) return memory::make_in_memory_store();
    const std::string name = "eval" + std::to_string(++databases);
    (void)server->query("CREATE DATABASE " + name);
    return memory::make_postgres_store(server->conninfo() + " dbname=" + name, "memory_eval");
  };
  if (options.misses) options.settings.each = print_miss;
  if (!options.embedder.empty()) options.settings.dense = [&] { return dense_parts(options); };
  if (options.postgres) {
    if (!test::PrivatePostgres::installed()) throw Error("PostgreSQL is not installed");
    server.emplace();
    server->start();
  }
  const eval::Report report = eval::evaluate(corpus, options.settings);
  if (report.unknown_evidence > 0)
    std::fprintf(stderr, "memory_eval: %zu evidence ids are no message before their question: not found\n",
                 report.unknown_evidence);
  if (report.without_evidence > 0)
    std::fprintf(stderr, "memory_eval: %zu questions without evidence are left out\n",
                 report.without_evidence);
  if (options.json) {
    print_json(report);
  } else {
    print_table(report, options);
  }
}

}  // namespace

int main(int argc, char** argv) {
  ::setenv("TZ", "UTC", 1);  // days are those of the corpus
  ::tzset();
  set_log_level(LogLevel::kError);
  try {
    Options options = parse(argc, argv);
    run(options);
    return 0;
  } catch (const UsageError& e) {
    std::fprintf(stderr, "memory_eval: %s\n%s", e.what(), kUsage);
    return e.exit_code();
  } catch (const Error& e) {
    std::fprintf(stderr, "memory_eval: %s\n", full_message(e).c_str());
    return e.exit_code();
  }
}
