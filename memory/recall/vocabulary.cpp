#include "recall/vocabulary.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "base/utf8.hpp"
#include "recall/terms.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

using Form = std::pair<std::string_view, std::string_view>;

constexpr std::array kIrregular = std::to_array<Form>({
    {"ate", "eat"},       {"became", "become"}, {"been", "be"},          {"began", "begin"},
    {"begun", "begin"},   {"bent", "bend"},     {"better", "good"},      {"best", "good"},
    {"bit", "bite"},      {"bitten", "bite"},   {"bled", "bleed"},       {"blew", "blow"},
    {"blown", "blow"},    {"born", "birth"},    {"bought", "buy"},       {"broke", "break"},
    {"broken", "break"},  {"brought", "bring"}, {"built", "build"},      {"burnt", "burn"},
    {"came", "come"},     {"caught", "catch"},  {"children", "child"},   {"chose", "choose"},
    {"chosen", "choose"}, {"dealt", "deal"},    {"died", "die"},         {"dove", "dive"},
    {"drank", "drink"},   {"drawn", "draw"},    {"dreamt", "dream"},     {"drew", "draw"},
    {"driven", "drive"},  {"drove", "drive"},   {"drunk", "drink"},      {"dug", "dig"},
    {"dying", "die"},     {"eaten", "eat"},     {"fallen", "fall"},      {"fed", "feed"},
    {"feet", "foot"},     {"fell", "fall"},     {"felt", "feel"},        {"flew", "fly"},
    {"flown", "fly"},     {"forgot", "forget"}, {"forgotten", "forget"}, {"fought", "fight"},
    {"found", "find"},    {"froze", "freeze"},  {"frozen", "freeze"},    {"gave", "give"},
    {"given", "give"},    {"gone", "go"},       {"got", "get"},          {"gotten", "get"},
    {"grew", "grow"},     {"grown", "grow"},    {"hardest", "hard"},     {"heard", "hear"},
    {"held", "hold"},     {"hid", "hide"},      {"hidden", "hide"},      {"hung", "hang"},
    {"kept", "keep"},     {"knew", "know"},     {"knives", "knife"},     {"known", "know"},
    {"laid", "lay"},      {"led", "lead"},      {"lent", "lend"},        {"lit", "light"},
    {"lost", "lose"},     {"lying", "lie"},     {"made", "make"},        {"meant", "mean"},
    {"men", "man"},       {"met", "meet"},      {"mice", "mouse"},       {"paid", "pay"},
    {"people", "person"}, {"ran", "run"},       {"rang", "ring"},        {"ridden", "ride"},
    {"risen", "rise"},    {"rode", "ride"},     {"rose", "rise"},        {"rung", "ring"},
    {"sang", "sing"},     {"sank", "sink"},     {"sat", "sit"},          {"saw", "see"},
    {"seen", "see"},      {"sent", "send"},     {"sewn", "sew"},         {"shaken", "shake"},
    {"shook", "shake"},   {"shot", "shoot"},    {"shown", "show"},       {"slept", "sleep"},
    {"sold", "sell"},     {"sought", "seek"},   {"spent", "spend"},      {"spoke", "speak"},
    {"spoken", "speak"},  {"stole", "steal"},   {"stolen", "steal"},     {"stood", "stand"},
    {"struck", "strike"}, {"stuck", "stick"},   {"sung", "sing"},        {"swam", "swim"},
    {"swum", "swim"},     {"taken", "take"},    {"taught", "teach"},     {"teeth", "tooth"},
    {"thought", "think"}, {"threw", "throw"},   {"thrown", "throw"},     {"took", "take"},
    {"tore", "tear"},     {"torn", "tear"},     {"tying", "tie"},        {"understood", "understand"},
    {"was", "be"},        {"went", "go"},       {"were", "be"},          {"wives", "wife"},
    {"woke", "wake"},     {"woken", "wake"},    {"women", "woman"},      {"won", "win"},
    {"wore", "wear"},     {"worn", "wear"},     {"worse", "bad"},        {"worst", "bad"},
    {"written", "write"}, {"wrote", "write"},
});

constexpr std::array kTimes = std::to_array<std::string_view>(
    {"yesterday", "today",    "tonight",  "tomorrow",  "week",     "weeks",  "weekend",  "month",
     "months",    "year",     "years",    "day",       "days",     "ago",    "morning",  "afternoon",
     "evening",   "monday",   "tuesday",  "wednesday", "thursday", "friday", "saturday", "sunday",
     "january",   "february", "march",    "april",     "june",     "july",   "august",   "september",
     "october",   "november", "december", "summer",    "winter",   "spring", "autumn",   "fall",
     "christmas", "easter",   "birthday", "pm",        "am",       "clock",  "since",    "last",
     "next",      "recently", "오늘",     "어제",      "내일",     "모레",   "그저께",   "그제",
     "지난",      "지난주",   "지난달",   "작년",      "올해",     "내년",   "다음",     "다음주",
     "다음달",    "이번",     "주말",     "아침",      "저녁",     "오전",   "오후",     "월요일",
     "화요일",    "수요일",   "목요일",   "금요일",    "토요일",   "일요일", "추석",     "설날"});

}  // namespace

std::string_view plain_form(std::string_view word) {
  static const std::unordered_map<std::string_view, std::string_view> forms(kIrregular.begin(),
                                                                            kIrregular.end());
  const auto found = forms.find(word);
  return found == forms.end() ? word : found->second;
}

bool tells_time(std::string_view word) {
  if (std::find(kTimes.begin(), kTimes.end(), word) != kTimes.end()) return true;
  if (!text::is_hangul(utf8::decode(word).code_point)) return false;
  // With a particle; and "월", "일", "시" behind a number are words of their own.
  return std::any_of(kTimes.begin(), kTimes.end(),
                     [&](std::string_view time) {
                       return time.size() >= 6 && text::is_hangul(utf8::decode(time).code_point) &&
                              word.starts_with(time);
                     }) ||
         word.starts_with("월") || word.starts_with("시") || word.starts_with("년");
}

}  // namespace prot::memory
