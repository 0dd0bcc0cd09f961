// A block is never more than was asked for, as a real tokenizer counts.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "json/json.hpp"
#include "memory/recall/recall.hpp"
#include "tests/memory/eval/corpus.hpp"
#include "tests/memory/llama_server.hpp"
#include "tests/memory/memory_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

std::size_t tokens_of(const LlamaServer& server, const std::string& text) {
  http::Request request = server.request("/tokenize");
  request.headers = {{"content-type", "application/json"}};
  json::Writer body;
  body.begin_object().member("content", text).end_object();
  request.body = body.str();
  const std::string answer = http::fetch(request).body;
  return json::parse(answer).root().get("tokens").size();
}

/// A corpus as it is remembered, and what is asked of it.
struct Known {
  Recall recall;
  std::vector<std::string> questions;
  std::uint64_t count = 0;
  std::vector<Fact> facts;
};

std::map<std::string, Known> read(const std::string& name) {
  std::map<std::string, Known> known;
  for (const eval::Line& line : eval::read_corpus(std::string(PROT_CORPUS) + "/" + name)) {
    Known& one = known[line.conversation];
    if (const auto* said = std::get_if<eval::Message>(&line.what)) {
      const bool person = said->speaker != "user" && said->speaker != "assistant";
      one.recall.put(message(static_cast<std::uint64_t>(said->session), ++one.count,
                             said->speaker == "assistant" ? Role::kAssistant : Role::kUser,
                             person ? said->speaker + ": " + said->text : said->text, said->at));
    } else if (const auto* facts = std::get_if<eval::Facts>(&line.what)) {
      for (const eval::Facts::Item& item : facts->items) {
        one.facts.push_back(fact("told", "it", key(1, one.count), kNoon));
        one.facts.back().statement = item.text;
      }
    } else if (const auto* question = std::get_if<eval::Question>(&line.what)) {
      one.questions.push_back(question->text);
    }
  }
  for (auto& [name_of, one] : known) one.recall.set_facts(one.facts);
  return known;
}

}  // namespace

TEST_CASE("no block has more tokens than it may, counted by the model that reads it") {
  const LlamaServer server;
  for (const char* name : {"english.jsonl", "english_held_out.jsonl", "english_friends.jsonl",
                           "english_weavers.jsonl", "korean.jsonl"}) {
    CAPTURE(name);
    std::map<std::string, Known> corpus = read(name);
    for (const std::size_t budget : {std::size_t{120}, std::size_t{800}, std::size_t{3000}}) {
      double most = 0.0;
      double sum = 0.0;
      double blocks = 0.0;
      for (const auto& [conversation, known] : corpus) {
        for (const std::string& question : known.questions) {
          const RecallResult result = known.recall.answer(question, key(999'999, 0).conversation, budget);
          if (result.block.empty()) continue;
          const std::size_t counted = tokens_of(server, result.block);
          CAPTURE(question);
          CHECK(counted <= budget);
          CHECK(counted <= result.tokens);
          const double part = static_cast<double>(counted) / static_cast<double>(result.tokens);
          most = std::max(most, part);
          sum += part;
          ++blocks;
        }
      }
      MESSAGE(std::string(name) << ", " << budget << " tokens, " << blocks
                                << " blocks: of the estimate the tokenizer counts "
                                << sum / std::max(1.0, blocks) << " on average, " << most << " at most");
    }
  }
}

TEST_CASE("the estimate is not below a real tokenizer's count, whatever is said") {
  const LlamaServer server;
  for (const std::string text :
       {"- Ann: \"Hi!\"\n", "- 민수: \"어제 부산에서 녹차를 마셨어요. ㅋㅋㅋㅋ 괜찮겠죠? 흙냄새 닭볶음탕\"\n",
        "Fri 4 Oct 2024 #abcd\n", "- user: \"0123456789 12:34:56 3.14159265358979\"\n",
        "- user: \"Zsófia Kovács-Szabó wohnt in Düsseldorf-Gerresheim; café, naïve, Ærøskøbing\"\n",
        "- user: \"https://example.org/a/b?c=d&e=f#g_h-i\"\n", "- user: \"!!!??? ... --- ((( )))\"\n",
        "- user: \"私は東京で働いています。漢字、ひらがな、カタカナ\"\n",
        "- user: \"Привет, как дела? Я живу в Москве\"\n",
        "- user: \"😀🎉👨‍👩‍👧‍👦 🇰🇷 ❤️\"\n",
        "- user: \"XKCD QWERTZUIOP PNEUMONOULTRAMICROSCOPICSILICOVOLCANOCONIOSIS\"\n",
        "- user: \"لغة عربية جميلة وطويلة\"\n", "- user: \"ภาษาไทยไม่มีช่องว่าง\"\n"}) {
    CAPTURE(text);
    CHECK(tokens_of(server, text) <= block_tokens(text));
  }
}
