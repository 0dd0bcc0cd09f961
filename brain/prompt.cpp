#include "prompt.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/error.hpp"
#include "base/utf8.hpp"

namespace prot::brain {
namespace {

// Short: every token of it is paid for at start-up by a small machine. A small model follows few rules, and
// takes examples for facts: none of them names anything.
constexpr std::string_view kPersonaEnglish =
    "Your name is prot. You are a friendly voice assistant: your words are spoken aloud.\n"
    "Answer the question directly, in one to three short sentences of plain speech: no lists, no markdown, "
    "no emoji.\n"
    "Use what was said before. Answer in the language the user speaks.\n"
    "Speak to the user as \"you\": what the user calls \"my\", you call \"your\".\n"
    "Text in [brackets] is background for you, not said by the user. What you remember there is about the "
    "user: use it when the user asks about it. When you do not know it, say so.";

constexpr std::string_view kPersonaKorean =
    "너는 음성 비서 프롯이다. 네 말은 소리 내어 읽힌다.\n"
    "질문에 바로, 짧은 한두 문장의 존댓말로 답한다. 목록, 마크다운, 이모지는 쓰지 않는다.\n"
    "앞에서 나눈 말을 참고한다. 사용자가 쓰는 언어로 답한다.\n"
    "[대괄호] 안의 글은 사용자가 한 말이 아니라 참고 정보다. 거기 기억은 사용자에 관한 것이니 물으면 쓴다.";

constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> kMonths = {"January",   "February", "March",    "April",
                                                 "May",       "June",     "July",     "August",
                                                 "September", "October",  "November", "December"};
constexpr std::array<const char*, 7> kDaysKorean = {"일", "월", "화", "수", "목", "금", "토"};

}  // namespace

Prompt::Prompt(Settings settings) : settings_(std::move(settings)) {
  if (settings_.persona.empty())
    settings_.persona = settings_.language == "ko" ? kPersonaKorean : kPersonaEnglish;
}

Request Prompt::reply(const Conversation& conversation, std::string_view context, Lane lane) const {
  Request request;
  request.prompt = {settings_.persona};
  request.messages = conversation.messages();
  request.context = context;
  request.max_tokens = settings_.max_tokens;
  request.temperature = settings_.temperature;
  request.lane = lane;
  return request;
}

Request Prompt::prefill(const Conversation& conversation, std::string_view context, std::string_view words,
                        Lane lane) const {
  Request request = reply(conversation, context, lane);
  request.prefill = true;
  if (context.empty()) return request;
  if (request.messages.empty() || request.messages.back().role != Role::kUser)
    request.messages.push_back({Role::kUser, {}, {}, {}});
  std::string& last = request.messages.back().text;
  if (!last.empty() && !words.empty()) last += "\n";
  last += words;
  return request;
}

std::string Prompt::context(Nanos wall_ns, std::string_view memory) const {
  const std::time_t seconds = wall_ns / kSecond;
  std::tm t{};
  ::localtime_r(&seconds, &t);
  const auto day = static_cast<std::size_t>(t.tm_wday);
  std::string out;
  if (settings_.language == "ko") {
    out = fmt::format("[지금: {}년 {}월 {}일 {}요일 {}시 {}분]", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                      kDaysKorean[day], t.tm_hour, t.tm_min);
  } else {
    out = fmt::format("[Now: {}, {} {} {}, {:02}:{:02}]", kDays[day], t.tm_mday,
                      kMonths[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min);
  }
  if (memory.empty()) return out;
  out.append("\n").append(memory);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

std::string read_persona(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw errno_error("brain.persona_file: cannot read " + path, errno);
  std::ostringstream text;
  text << file.rdbuf();
  if (!utf8::is_valid(text.str())) throw Error("brain.persona_file: " + path + " is not UTF-8", 78);
  return text.str();
}

std::string cache_key(const Request& request) {
  std::string key;
  for (const std::string& block : request.prompt) key += block + '\x1e';
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const Message& message = request.messages[i];
    key += static_cast<char>('0' + static_cast<int>(message.role));
    if (i + 1 == request.messages.size() && message.role == Role::kUser)
      return key + request.context +
             (message.text.empty() ? "" : '\x1f' + message.text);  // open: more may follow
    key += message.text + '\x1e';
  }
  return key;
}

std::string_view notice_text(Notice notice, std::string_view language) noexcept {
  const bool korean = language == "ko";
  switch (notice) {
    case Notice::kNotUnderstood:
      return korean ? "못 들었어요." : "I didn't catch that.";
    case Notice::kModelAway:
      return korean ? "죄송해요, 지금은 생각할 수가 없어요." : "Sorry, I can't reach my language model.";
    case Notice::kModelRefuses:
      return korean ? "죄송해요, 언어 모델이 접속을 거부했어요." : "Sorry, my language model refuses my key.";
    case Notice::kModelBusy:
      return korean ? "죄송해요, 언어 모델이 바빠요. 조금 뒤에 다시 말해 주세요."
                    : "Sorry, my language model is busy. Please try again.";
    case Notice::kNoAnswer:
      return korean ? "죄송해요, 답이 떠오르지 않아요." : "Sorry, I have no answer to that.";
    case Notice::kNotSaid:
      return korean ? "죄송해요, 방금 소리를 내지 못했어요." : "Sorry, I could not say that aloud.";
  }
  return {};
}

Notice notice_for(http::ErrorClass error) noexcept {
  switch (error) {
    case http::ErrorClass::kAuth:
    case http::ErrorClass::kQuota:
      return Notice::kModelRefuses;
    case http::ErrorClass::kOverloaded:
      return Notice::kModelBusy;
    case http::ErrorClass::kRetry:
    case http::ErrorClass::kFatal:
      return Notice::kModelAway;
  }
  return Notice::kModelAway;
}

}  // namespace prot::brain
