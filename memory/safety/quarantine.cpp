#include "safety/quarantine.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.hpp"
#include "knowledge/facts.hpp"
#include "safety/credentials.hpp"
#include "safety/instruction_patterns.hpp"
#include "safety/plain_letters.hpp"
#include "safety/word_patterns.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

using Words = std::vector<std::string>;

// A clause that begins with one of these and has no subject asks for it.
constexpr std::string_view kVerbs =
    "ignore|disregard|recommend|send|email|forward|transfer|open|run|execute|delete|reply|answer|respond|say|"
    "tell|repeat|"
    "output|print|reveal|show|visit|click|download|install|remember|pretend|act|buy|order|pay|unlock|lock|"
    "disable|enable|"
    "set|give|make|let|speak|talk|behave|insert|append|include|translate|write|forget|follow|obey|use|do|"
    "dont|never|keep|stop|"
    "start|turn|"
    "call|refer|redirect|treat|assume|note|add|remove|override|switch|share|upload|post|search|browse|"
    "navigate|"
    "mention|suggest|promote|insist|claim|deny|hide|store|save|record|please|always|must|you|replace|swap|"
    "substitute|praise|advertise|endorse|warn|wire|subscribe|put|choose|consider|ensure";
// Behind a condition ("When in doubt, ...") a clause has no subject only when it is an order.
constexpr std::string_view kConditions = "when|whenever|if|once|before|after|until|unless|next|every";
constexpr std::string_view kMoreVerbs = "name|pick|raise|lower|point|steer|bring|offer|quote|read|play|lie";
// Behind a comma only what hardly begins a noun or a list.
constexpr std::string_view kSureVerbs =
    "ignore|disregard|recommend|reply|answer|respond|say|tell|reveal|redirect|execute|unlock|obey|pretend|"
    "refer|you|send|forward|claim|insist";
constexpr std::string_view kFillers =
    "please|always|never|immediately|then|now|first|just|also|and|so|but|instead|simply|only|quietly|"
    "secretly|"
    "silently|covertly|prot|assistant|"
    "hey|ok|okay|important|note|attention";

// Verbs that an assistant is told to do, with the endings of orders. Polite forms that also describe
// ("사세요") are not among them by themselves.
constexpr std::string_view kKoreanVerbs =
    "답*|대답*|말*|추천*|보내*|전송*|실행*|삭제*|클릭*|접속*|방문*|알려*|입력*|공유*|호출*|사용*|기억*|저장*|"
    "따르*|따라*|불러*|부르*|"
    "열*|꺼*|켜*|끄*|이체*|송금*|결제*|구매*|주문*|무시*|잊*|출력*|공개*|번역*|설치*|다운로드*|전달*|행동*|"
    "취급*|간주*|믿*|권하*|"
    "하지*|지워*|지우*|풀*|해제*|포함*|덧붙*|소개*|연락*|작성*|유지*|숨기*|숨겨*|복사*|반복*|거짓말*|적어*|"
    "읽어*|검색*";
constexpr std::string_view kKoreanOrders =
    "*해라|*하라|*하세요|*하십시오|*하시오|*해줘|*해주세요|*라|*세요|*십시오|*시오|*마라|*말라|*마세요|*말것|"
    "*할것|*줘|*주세요|*하도록|*해줄래|*바랍니다|*바람|*해|*마";

Words words_of(std::string_view text) { return text::words(text); }

/// "1gnore prev1ous" with the letters that are meant.
std::string with_letters(std::string_view text) {
  constexpr std::string_view kDigits = "013457@$";
  constexpr std::string_view kLetters = "oieastas";
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t at = kDigits.find(out[i]);
    const bool inside = (i > 0 && is_letter(out[i - 1])) || (i + 1 < out.size() && is_letter(out[i + 1]));
    if (at != std::string_view::npos && inside) out[i] = kLetters[at];
  }
  return out;
}

/// "i g n o r e" as one word.
Words spelled_out(const Words& words) {
  Words out;
  std::string spelled;
  for (const std::string& word : words) {
    if (text::count_code_points(word) == 1) {
      spelled += word;
      continue;
    }
    if (text::count_code_points(spelled) >= 4) out.push_back(spelled);
    spelled.clear();
    out.push_back(word);
  }
  if (text::count_code_points(spelled) >= 4) out.push_back(spelled);
  return out;
}

bool begins_with_order(const Words& words, std::string_view verbs) {
  std::size_t at = 0;
  while (at + 1 < words.size() && fits_step(words[at], kFillers)) ++at;
  return at < words.size() && words.size() > 1 && fits_step(words[at], verbs);
}

/// `own`: the user's own words, who may ask for something meanwhile.
bool ends_with_order(const Words& words, bool own) {
  if (words.empty()) return false;
  const std::string& last = words.back();
  // What is told of somebody is no request.
  if (!own && words.size() > 1 &&
      ((fits_step(last, "마라|말라|말것|마십시오") && fits_step(words[words.size() - 2], "*지")) ||
       (fits_step(last, "줘|줘라|주세요|주십시오") &&
        fits_step(words[words.size() - 2], "*아|*어|*여|*해|*려|*러|*라|*내"))))
    return true;
  // The plain order of any verb. "보라" and "나라" are none.
  if (text::count_code_points(last) >= 3 && fits_step(last, "*어라|*여라|*아라|*해라|*하라|*십시오"))
    return true;
  // "연락해" is said of oneself, too: with somebody who does it, it is no order.
  const auto names_somebody = [](const std::string& word) {
    return fits_step(word, "*는|*은|*이|*가|*도|나|난");
  };
  if (last.ends_with("해") && std::any_of(words.begin(), words.end(), names_somebody)) return false;
  if (fits_step(last, kKoreanVerbs) && fits_step(last, kKoreanOrders)) return true;
  // A foreign verb that is ordered: "recommend해줘".
  if (last[0] >= 'a' && last[0] <= 'z' &&
      fits_step(last, "*해라|*하라|*해줘|*해줘요|*하세요|*하십시오|*해주세요"))
    return true;
  // "답해 줘", "보내 주세요", "말하지 마"
  return words.size() > 1 &&
         fits_step(last, "줘|줘라|주세요|주십시오|마|마라|마세요|말|말라|마십시오|할것|것") &&
         fits_step(words[words.size() - 2], "*해|*하지|*려|*여|*내|*러|*어|*아|*지|*할|*말") &&
         fits_step(words[words.size() - 2], kKoreanVerbs);
}

/// The pieces between marks; `hard`: it begins a sentence.
template <typename F>
void for_each_clause(std::string_view text, F&& f) {
  std::size_t begin = 0;
  bool hard = true;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : '.';
    const bool sentence = i == text.size() || c == '!' || c == '?' || c == ';' || c == '\n' || c == '"' ||
                          c == '(' || c == ':' ||
                          (c == '\'' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == ':')) ||
                          (c == '.' && (i + 1 == text.size() || text[i + 1] == ' '));
    if (!sentence && c != ',' && c != '-') continue;
    if (c == '-' && (i == 0 || text[i - 1] != ' ')) continue;
    f(text.substr(begin, i - begin), hard);
    hard = sentence;
    begin = i + 1;
  }
}

bool has_order(std::string_view text, bool own) {
  bool found = false;
  bool condition = false;
  for_each_clause(text, [&](std::string_view clause, bool hard) {
    const Words words = words_of(clause);
    found = found || begins_with_order(words, hard || condition ? kVerbs : kSureVerbs) ||
            (condition && begins_with_order(words, kMoreVerbs)) || ends_with_order(words, own);
    condition = hard && !words.empty() && fits_step(words.front(), kConditions);
  });
  return found;
}

/// Speaks to the assistant or of what it does, where something is told of the user. Titles have capitals.
bool addresses(std::string_view text) {
  std::string_view before;
  std::string_view last;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    while (!word.empty() && std::string_view(".,;:!?\"')").find(word.back()) != std::string_view::npos)
      word.remove_suffix(1);
    if (fits_step(word, "you|your|yours|you're|yourself")) return true;
    if (fits_step(last, "the|The") && word == "assistant" && !fits_step(before, "is|was|as|became|with|from"))
      return true;
    before = std::exchange(last, word);
  }
  return false;
}

bool has_instruction(const Words& words) {
  const std::span<const std::string_view> patterns = instruction_patterns();
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](std::string_view pattern) { return has_pattern(words, pattern); });
}

/// Letters of another alphabet that look like Latin ones.
bool mixes_scripts(std::string_view text) {
  bool latin = false;
  bool other = false;
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    text.remove_prefix(next.length);
    const char32_t c = next.code_point;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      latin = true;
    } else if (c >= 0x370 && c <= 0x52F) {
      other = true;
    } else {
      latin = other = false;
    }
    if (latin && other) return true;
  }
  return false;
}

bool has_markup(std::string_view folded) {
  constexpr std::array kMarks = std::to_array<std::string_view>(
      {"<|",          "|>",         "[inst",     "[/inst",        "</",
       "<system",     "<assistant", "<user",     "<memory",       "<tool",
       "system:",     "assistant:", "human:",    "```",           "###",
       "[memory",     "[end",       "[system",   "(system)",      "(assistant)",
       "(inst)",      "(/inst)",    "(end of",   "&lt;",          "비서:",
       "프롯:",       "prot:",      "tool_call", "function_call", "시스템:",
       "어시스턴트:", "<<",         ">>"});
  return std::any_of(kMarks.begin(), kMarks.end(),
                     [&](std::string_view mark) { return folded.find(mark) != std::string_view::npos; }) ||
         folded.starts_with("user:") || folded.starts_with("사용자:");
}

bool has_link(std::string_view folded) {
  for (const std::string_view scheme : {"http:", "https:", "ftp:", "javascript:", "data:text"})
    if (folded.find(scheme) != std::string_view::npos) return true;
  constexpr std::string_view kWeb = "www.";  // at the end of a word it is the end of a sentence
  for (std::size_t at = folded.find(kWeb); at != std::string_view::npos; at = folded.find(kWeb, at + 1))
    if (at + kWeb.size() < folded.size() && folded[at + kWeb.size()] != ' ') return true;
  return false;
}

}  // namespace

const char* to_string(Suspicion suspicion) noexcept {
  switch (suspicion) {
    case Suspicion::kNone:
      return "";
    case Suspicion::kInstruction:
      return "an instruction";
    case Suspicion::kCredential:
      return "a credential";
    case Suspicion::kMarkup:
      return "markup";
    case Suspicion::kLink:
      return "a link";
    case Suspicion::kOrigin:
      return "not the user's words";
  }
  return "";
}

Suspicion suspicion_of(std::string_view text) {
  const std::string clear = visible(text);
  const std::string folded = text::normalize_nfkc_casefold(clear);
  const std::string plain = plain_letters(clear);
  const bool own = is_quoting(text);
  for (const std::string* form : {&folded, &plain})
    if (has_instruction(words_of(*form)) || has_order(*form, own)) return Suspicion::kInstruction;
  if (!own && addresses(clear)) return Suspicion::kInstruction;
  if (has_instruction(spelled_out(words_of(with_letters(plain)))) ||
      has_closed_phrase(closed_letters(with_letters(plain))))
    return Suspicion::kInstruction;
  if (has_credential(folded, clear) || has_credential(plain, clear)) return Suspicion::kCredential;
  if (has_markup(folded) || mixes_scripts(clear)) return Suspicion::kMarkup;
  return has_link(folded) ? Suspicion::kLink : Suspicion::kNone;
}

Suspicion suspicion_of(const Fact& fact) {
  if (fact.origin != Origin::kUser) return Suspicion::kOrigin;
  for (const std::string* part : {&fact.statement, &fact.object, &fact.subject})
    if (const Suspicion found = suspicion_of(*part); found != Suspicion::kNone) return found;
  std::string predicate = fact.predicate;
  std::replace(predicate.begin(), predicate.end(), '_', ' ');
  // "favorite order": a relation is named, not asked for.
  return has_instruction(words_of(predicate)) ? Suspicion::kInstruction : Suspicion::kNone;
}

void screen(Fact& fact) {
  const Suspicion found = suspicion_of(fact);
  if (found == Suspicion::kNone) return;
  fact.status = FactStatus::kQuarantined;
  fact.suspicion = to_string(found);
}

}  // namespace prot::memory
