#include "brain/prompt.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <ctime>
#include <fstream>

#include "base/error.hpp"
#include "brain/engines/openai.hpp"
#include "json/json.hpp"
#include "support/temp_folder.hpp"

using namespace prot::brain;

namespace {

Prompt english() { return Prompt({.language = "en", .persona = "", .max_tokens = 50, .temperature = 0.1}); }

OpenAiModel local_engine() {
  OpenAiOptions options;
  options.url = "http://127.0.0.1:9";
  options.local = true;
  return OpenAiModel(options, [] {});
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
    CHECK(now.find("datetime:") == std::string::npos);
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
  CHECK(context.starts_with("[datetime: 19"));
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

namespace {

/// This process in Korea.
struct InSeoul {
  InSeoul() { set("Asia/Seoul"); }
  ~InSeoul() { set(before.empty() ? "UTC" : before.c_str()); }
  static void set(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  std::string before = ::getenv("TZ") != nullptr ? ::getenv("TZ") : "";
};

}  // namespace

TEST_CASE("the timeline tells what a person knows: now, where, how long already") {
  const InSeoul here;
  const Prompt prompt = english();
  constexpr prot::Nanos kMorning = 1782864000 * prot::kSecond;  // 1 July 2026, 09:00 in Seoul
  CHECK(prompt.context(kMorning, "") ==
        "[datetime: 2026-07-01 09:00:00\ntimezone: Asia/Seoul (UTC+09:00)\nchannel: voice]");
  const Timeline timeline{kMorning - 86400 * prot::kSecond,
                          {kMorning - 3600 * 10 * prot::kSecond, kMorning - prot::kSecond}};
  CHECK(prompt.context(kMorning, "", timeline, Lane::kText) ==
        "[datetime: 2026-07-01 09:00:00\ntimezone: Asia/Seoul (UTC+09:00)\nchannel: text\n"
        "session start: 2026-06-30 09:00:00\nrecent turns: 2026-06-30 23:00:00, 08:59:59]");
  const Prompt small({.language = "en", .persona = "", .compact = true});
  CHECK(small.context(kMorning, "") == "[Now: Wednesday, 1 July 2026, 09:00 KST]");
  CHECK(small.context(kMorning, "fact", timeline) ==
        "[Now: Wednesday, 1 July 2026, 09:00 KST; talking since 09:00]\nfact");
  const Prompt korean({.language = "ko", .persona = "", .compact = true});
  CHECK(korean.context(kMorning, "", timeline) ==
        "[지금: 2026년 7월 1일 수요일 9시 0분 KST, 대화 시작 9시 0분]");
}

TEST_CASE("the next request of a reply with tools goes on where the last one ended") {
  Prompt::Settings settings{.language = "en", .persona = "", .tools = {{"lamp", "A lamp.", "{}"}}};
  const Prompt prompt(std::move(settings));
  Conversation talk(1000);
  talk.add_user("hello");
  talk.add_reply("Hi.", false);
  const std::string context = prompt.context(0, "");
  const std::string before = cache_key(prompt.prefill(talk, context, "Light", Lane::kVoice));
  talk.add_user("Light, please");
  Request request = prompt.reply(talk, context, Lane::kVoice);
  const std::string first = cache_key(request);
  CHECK(first.starts_with(before));
  const OpenAiModel engine = local_engine();
  CHECK(engine.body_of(request).find("tool_choice") == std::string::npos);
  append_messages({"Let me see.", {{{"call_abcdefgh", "lamp", "{\"on\":1}"}, "on"}}}, request.messages);
  CHECK(cache_key(request).starts_with(first));
  request.no_calls = true;
  const prot::json::Document body = prot::json::parse(engine.body_of(request));
  CHECK(body.get("tool_choice").as_string() == "none");
  CHECK(body.get("tools").size() == 1);
  const prot::json::View messages = body.get("messages");
  REQUIRE(messages.size() == 6);
  CHECK(messages.at(3).get("content").as_string() == context + "\n\nLight, please");
  const prot::json::View call = messages.at(4).get("tool_calls").at(0);
  CHECK(messages.at(4).get("content").as_string() == "Let me see.");
  CHECK(call.get("type").as_string() == "function");
  CHECK(call.get("function").get("arguments").as_string() == "{\"on\":1}");
  CHECK(messages.at(5).get("role").as_string() == "tool");
  CHECK(messages.at(5).get("tool_call_id").as_string() == call.get("id").as_string());
  CHECK(messages.at(5).get("content").as_string() == "on");
  request.messages[3].text.clear();
  const prot::json::Document silent = prot::json::parse(engine.body_of(request));
  CHECK(silent.get("messages").at(4).get("content").is_null());
}

TEST_CASE("a persona that is not text is refused by its name, and the history fits the model") {
  prot::test::TempFolder folder;
  const std::string path = (folder.path() / "me.txt").string();
  const auto written = [&](std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
    return path;
  };
  CHECK(read_persona(written("  너는 밥이다.\n")) == "  너는 밥이다.\n");
  CHECK_THROWS_WITH((void)read_persona(written("caf\xC3")),
                    ("brain.persona_file: " + path + " is not UTF-8").c_str());
  CHECK_THROWS_WITH((void)read_persona(written("")), ("brain.persona_file: " + path + " is empty").c_str());
  CHECK(history_tokens(0, true) == 1200);
  CHECK(history_tokens(0, false) == 8000);
  CHECK(history_tokens(300, false) == 300);
}
