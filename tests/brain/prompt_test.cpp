#include "brain/prompt.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "brain/engines/openai.hpp"
#include "json/json.hpp"

using namespace prot::brain;

namespace {

Prompt english() { return Prompt({.language = "en", .persona = "", .max_tokens = 50, .temperature = 0.1}); }

OpenAiModel local_engine() {
  OpenAiOptions options;
  options.url = "http://127.0.0.1:9";
  options.local = true;
  return OpenAiModel(std::move(options), [] {});
}

// What the server's cache sees of a request: everything before the last user message.
std::string stable_part(const OpenAiModel& engine, const Request& request) {
  const std::string body = engine.body_of(request);
  const prot::json::Document document = prot::json::parse(body);
  const prot::json::View messages = document.get("messages");
  std::string out;
  for (std::size_t i = 0; i + 1 < messages.size(); ++i) out += messages.at(i).to_json();
  return out;
}

}  // namespace

TEST_CASE("the prompt's front keeps its bytes from turn to turn") {
  const Prompt prompt = english();
  const OpenAiModel engine = local_engine();
  Conversation talk(100000);
  std::string before;
  for (int turn = 0; turn < 20; ++turn) {
    talk.add_user("question " + std::to_string(turn));
    const std::string context =
        prompt.context(turn * 60 * prot::kSecond, turn % 2 == 0 ? "" : "fact " + std::to_string(turn));
    const Request request = prompt.reply(talk, context, Lane::kVoice);
    const std::string now = stable_part(engine, request);
    CHECK(now.starts_with(before));
    CHECK(now.find("Now:") == std::string::npos);
    CHECK(now.find("fact") == std::string::npos);
    before = now;
    talk.add_reply("answer " + std::to_string(turn), turn % 3 == 0);
  }
}

TEST_CASE("time and memory stand directly before the person's words") {
  const Prompt prompt = english();
  Conversation talk(1000);
  talk.add_user("What is my favourite colour?");
  const std::string context = prompt.context(0, "[memory]\n- The user's favourite colour is teal.\n");
  CHECK(context.starts_with("[Now: Thursday, 1 January 1970,"));
  CHECK(context.ends_with("]\n[memory]\n- The user's favourite colour is teal."));
  const std::string body = local_engine().body_of(prompt.reply(talk, context, Lane::kVoice));
  const prot::json::Document document = prot::json::parse(body);
  CHECK(document.get("messages").at(1).get("content").as_string() ==
        context + "\n\nWhat is my favourite colour?");
  CHECK(document.get("id_slot").as_int(-1) == 0);
  CHECK(document.get("cache_prompt").as_bool());
  CHECK(document.get("max_tokens").as_int() == 50);
}

TEST_CASE("a prefill is the front of the request that follows it") {
  const Prompt prompt = english();
  Conversation talk(1000);
  talk.add_user("hello");
  talk.add_reply("Hi.", false);
  const std::string context = prompt.context(0, "");
  const std::string history = cache_key(prompt.prefill(talk, {}, {}, Lane::kVoice));
  const std::string empty = cache_key(prompt.prefill(talk, context, {}, Lane::kVoice));
  const std::string partial = cache_key(prompt.prefill(talk, context, "What is", Lane::kVoice));
  talk.add_user("What is the time?");
  const std::string real = cache_key(prompt.reply(talk, context, Lane::kVoice));
  CHECK(empty.starts_with(history));
  CHECK(partial.starts_with(empty));
  CHECK(real.starts_with(partial));
  const std::string other = cache_key(prompt.reply(talk, prompt.context(0, "x"), Lane::kVoice));
  CHECK_FALSE(other.starts_with(partial));
  CHECK(other.starts_with(empty));  // what memory adds comes behind what is warm already
  CHECK(prompt.prefill(talk, context, "and", Lane::kVoice).messages.back().text == "What is the time?\nand");
}

TEST_CASE("the persona speaks the configured language, or is the user's file verbatim") {
  CHECK(english().persona().find("Your name is prot") == 0);
  CHECK(Prompt({.language = "ko", .persona = ""}).persona().find("음성 비서") != std::string::npos);
  CHECK(Prompt({.language = "ko", .persona = "I am Bob."}).persona() == "I am Bob.");
  CHECK_THROWS_AS((void)read_persona("/nonexistent/persona"), prot::Error);
  CHECK(read_persona("").empty());
  CHECK(notice_text(Notice::kNotUnderstood, "ko") == "못 들었어요.");
  CHECK(notice_text(Notice::kNotUnderstood, "en") == "I didn't catch that.");
}
