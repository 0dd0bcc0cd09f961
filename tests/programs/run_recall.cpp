// What memory would say to the model about a question, from the database of an instance: run_recall CONNINFO
// TOKENS QUESTION...
#include <cstdio>
#include <cstdlib>

#include "base/error.hpp"
#include "memory/recall/recall.hpp"
#include "memory/stores/postgres.hpp"

namespace {

void recall(const std::string& conninfo, std::size_t tokens, int count, char** questions) {
  using namespace prot::memory;
  const std::unique_ptr<MemoryStore> store = make_postgres_store(conninfo, "run_recall");
  store->connect();
  Recall recall;
  std::int64_t cursor = 0;
  for (bool more = true; more;) {
    more = false;
    for (const Message& message : store->next_messages(&cursor, 500)) {
      recall.put(message);
      more = true;
    }
  }
  recall.set_facts(store->active_facts(5000));
  std::printf("%zu messages, %zu facts\n", recall.turns(), recall.facts());
  for (int i = 0; i < count; ++i) {
    const RecallResult result = recall.answer(questions[i], {}, tokens);
    std::printf("\n%s\n%s\n(%u tokens)\n", questions[i], result.block.c_str(), result.tokens);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: run_recall CONNINFO TOKENS QUESTION...\n");
    return 2;
  }
  try {
    recall(argv[1], std::strtoul(argv[2], nullptr, 10), argc - 3, argv + 3);
    return 0;
  } catch (const prot::Error& e) {
    std::fprintf(stderr, "run_recall: %s\n", prot::full_message(e).c_str());
    return e.exit_code();
  }
}
