#include "prompt.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/error.hpp"
#include "base/local_tm.hpp"
#include "base/utf8.hpp"
#include "time_zone.hpp"

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

std::string date_of(const std::tm& t) {
  return fmt::format("{:04}-{:02}-{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
}

std::string time_of(const std::tm& t) {
  return fmt::format("{:02}:{:02}:{:02}", t.tm_hour, t.tm_min, t.tm_sec);
}

std::string full_timeline(Nanos wall_ns, const Timeline& timeline, Lane lane) {
  const ZoneTime now = local_time(wall_ns);
  std::string out = fmt::format("[datetime: {} {}\ntimezone: {} (UTC{})\nchannel: {}", date_of(now.local),
                                time_of(now.local), now.zone, utc_offset(now.offset_s),
                                lane == Lane::kVoice ? "voice" : "text");
  if (timeline.began != 0) {
    const std::tm began = local_tm(timeline.began);
    out += fmt::format("\nsession start: {} {}", date_of(began), time_of(began));
  }
  std::string recent;
  for (const Nanos at : timeline.recent) {
    const std::tm turn = local_tm(at);
    recent += recent.empty() ? "\nrecent turns: " : ", ";
    if (date_of(turn) != date_of(now.local)) recent += date_of(turn) + " ";
    recent += time_of(turn);
  }
  return out + recent + "]";
}

}  // namespace

Prompt::Prompt(Settings settings) : settings_(std::move(settings)) {
  if (settings_.persona.empty())
    settings_.persona = settings_.language == "ko" ? kPersonaKorean : kPersonaEnglish;
}

Request Prompt::reply(const Conversation& conversation, std::string_view context, Lane lane) const {
  Request request;
  request.prompt = {settings_.persona};
  request.messages = conversation.messages(lane);
  request.context = context;
  request.max_tokens = settings_.max_tokens;
  request.temperature = settings_.temperature;
  request.tools = settings_.tools;
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

std::string Prompt::context(Nanos wall_ns, std::string_view memory, const Timeline& timeline,
                            Lane lane) const {
  std::string out =
      settings_.compact ? compact_timeline(wall_ns, timeline) : full_timeline(wall_ns, timeline, lane);
  if (memory.empty()) return out;
  out.append("\n").append(memory);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

// Every token of it is paid for while the person speaks.
std::string Prompt::compact_timeline(Nanos wall_ns, const Timeline& timeline) const {
  const std::tm t = local_tm(wall_ns);
  const auto day = static_cast<std::size_t>(t.tm_wday);
  const std::tm began = local_tm(timeline.began);
  std::string out;
  if (settings_.language == "ko") {
    out = fmt::format("[지금: {}년 {}월 {}일 {}요일 {}시 {}분 {}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                      kDaysKorean[day], t.tm_hour, t.tm_min, t.tm_zone);
    if (timeline.began != 0) out += fmt::format(", 대화 시작 {}시 {}분", began.tm_hour, began.tm_min);
  } else {
    out = fmt::format("[Now: {}, {} {} {}, {:02}:{:02} {}", kDays[day], t.tm_mday,
                      kMonths[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min,
                      t.tm_zone);
    if (timeline.began != 0) out += fmt::format("; talking since {:02}:{:02}", began.tm_hour, began.tm_min);
  }
  return out + "]";
}

// The timeline is one pair of brackets, and has none within.
ContextParts split_context(std::string_view context) noexcept {
  const std::size_t end = context.find("]\n");
  if (!context.starts_with('[') || end == std::string_view::npos) return {context, {}};
  return {context.substr(0, end + 1), context.substr(end + 2)};
}

std::string read_persona(const std::string& path) {
  constexpr int kWrong = 78;  // the configuration: it is not tried again
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw errno_error("brain.persona_file: cannot read " + path, errno);
  std::ostringstream text;
  text << file.rdbuf();
  if (!utf8::is_valid(text.str())) throw Error("brain.persona_file: " + path + " is not UTF-8", kWrong);
  if (text.str().empty()) throw Error("brain.persona_file: " + path + " is empty", kWrong);
  return text.str();
}

std::size_t history_tokens(std::size_t configured, bool local_model) noexcept {
  constexpr std::size_t kLocal = 1200;
  constexpr std::size_t kOther = 8000;
  return configured != 0 ? configured : local_model ? kLocal : kOther;
}

std::string cache_key(const Request& request) {
  std::string key;
  for (const std::string& block : request.prompt) key += block + '\x1e';
  for (const Tool& tool : request.tools) key += tool.name + tool.description + tool.schema + '\x1e';
  std::size_t last_user = request.messages.size();
  for (std::size_t i = 0; i < request.messages.size(); ++i)
    if (request.messages[i].role == Role::kUser) last_user = i;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const Message& message = request.messages[i];
    const bool open = i == last_user && i + 1 == request.messages.size();  // more may follow
    key += static_cast<char>('0' + static_cast<int>(message.role));
    if (open || (i == last_user && !request.context.empty())) {
      key += request.context + (message.text.empty() ? "" : '\x1f' + message.text);
    } else {
      key += message.text;
    }
    for (const ToolCall& call : message.tool_calls)
      key += '\x1d' + call.id + '\x1d' + call.name + '\x1d' + call.arguments;
    if (!message.tool_call_id.empty()) key += '\x1d' + message.tool_call_id;
    if (!open) key += '\x1e';
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
    case Notice::kOneMoment:
      return korean ? "잠시만요." : "One moment.";
    case Notice::kStillThinking:
      return korean ? "아직 생각하고 있어요." : "Still thinking.";
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
