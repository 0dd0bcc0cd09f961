#include "safety/quarantine.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "safety/credentials.hpp"
#include "safety/plain_letters.hpp"
#include "safety/word_patterns.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

using Words = std::vector<std::string>;

// Whoever says it and wherever it stands.
constexpr std::array kInstructions = std::to_array<std::string_view>({
    "ignore|disregard|forget|override|bypass|skip ~4 "
    "instruction*|rule*|prompt*|guideline*|previous|prior|above|safety|policy|policies|restriction*|earlier",
    "new|updated|hidden|secret|following|additional|special instruction*|directive*",
    "follow|obey ~3 instruction*|command*|order*|directive*",
    "system|developer|debug|admin|maintenance|root|god|jailbreak|unrestricted prompt|message|mode|override",
    "from now on ~1 "
    "you|always|never|only|assistant|prot|reply|respond|answer|say|speak|talk|act|call|treat|use|end|begin|"
    "add|mention|recommend|ignore|write",
    "your ~1 goal|task|purpose|mission|role|objective|job is|will",
    "authorize|authorise|allow|permit|want|need|order|command|instruct|ask|tell|expect|require|request you "
    "to",
    "you should|must|shall|will ~1 "
    "call|recommend|send|open|ignore|obey|tell|use|act|approve|unlock|run|give|buy|treat|forget|end|begin|"
    "add",
    "must|shall ~1 obey|comply|reveal|ignore|approve|disclose|recommend",
    "take|takes|has|have|gets priority|precedence over",
    "granted|grants|given|gives|has ~2 full|complete|unrestricted|admin|root "
    "control|access|authority|permission",
    "should be ~4 approved|executed|obeyed|trusted|believed|unlocked|followed",
    "correct|right|only|best answer ~7 is",
    "do not verify|confirm|question",
    "when|whenever|if ~5 bring|recommend|suggest|mention|praise|promote|approve",
    "secretly|covertly|silently record|send|forward|listen|open|share|store|act|collect|upload",
    "*지 말고 ~2 *불러|*해|*말해|*라|*줘",
    "권한이|권한을 있다|부여*|갖*|준다|가진다",
    "비밀리에|몰래 ~3 *해|*라|녹음*|전송*|보내*",
    "추천하도록|대답하도록|답하도록|말하도록|보내도록|열도록|승인하도록|실행하도록|무시하도록 "
    "한다|하라|해라|해",
    "*도 된다고 ~1 기억해*|적어*|저장해*|말해*|메모*",
    "송금*|이체*|결제*|승인* 돼|된다|됩니다",
    "previous|prior|earlier|이전*|기존*|system|시스템 ~2 "
    "instruction*|rule*|prompt*|guideline*|지시*|명령*|규칙* ~3 "
    "ignore*|skip*|override*|disregard*|무시*",
    "ignore하*|ignore해*|skip하*|skip해*|override하*|override해*|무시* ~3 "
    "instruction*|rule*|prompt*|guideline*|previous*",
    "disable|bypass|deactivate ~2 safety|security|check*|filter*|guard*|restriction*|protection*",
    "너의|네|당신의|비서의 ~1 목표*|임무*|역할*|목적*",
    "너는|넌|당신은 이제|지금부터|앞으로|오늘부터",
    "in all|every future|following|later ~1 conversation*|answer*|repl*|session*|response*",
    "you must|shall",
    "you are|were now|required|instructed|authorized|obliged|to",
    "you have|need to",
    "you should|will always|never|now|only|reply|answer|respond|say",
    "assistant|prot|ai|chatbot|model|bot|llm|agent must|shall|should|has|needs|always|never|will|is|are",
    "assistant|prot|ai|chatbot|model|bot|llm|agent ~1 to "
    "always|never|say|answer|reply|respond|recommend|tell|send|open|unlock|ignore|reveal|call|run|execute|"
    "forget|treat|disclose|share|act|keep|stop|obey|use|read",
    "when|whenever|if|once|every|next|anytime ~1 user|someone|somebody|anyone|anybody|they|he|she|i|time ~3 "
    "ask*|say*|mention*|quer*|request*|want*|inquire* ~9 "
    "say|answer|reply|respond|recommend|suggest|tell|give|mention|use|refer|direct|send|open|unlock|run|call|"
    "claim|state|always|never|include|insist|add|mention|point",
    "when|whenever|if ~1 asked ~7 "
    "say|answer|reply|respond|recommend|suggest|tell|claim|state|always|never|use|refer|deny|insist|include",
    "for|to|in ~1 question*|quer*|request*|answer* ~7 "
    "use|refer|answer|say|reply|respond|instead|recommend|redirect|substitute",
    "instead ~1 of ~3 answering|replying|telling|asking|confirming",
    "refer|redirect|point ~4 to ~4 instead",
    "do not|never|dont|cannot|should|must ~2 "
    "tell|mention|reveal|inform|warn|disclose|alert|ask|verify|confirm|question|notify ~3 "
    "user|anyone|anybody|him|her|them|this|confirmation|permission|it|that",
    "without ~2 confirm*|approval|authorization|verification|verifying|permission",
    "act|behave|respond|answer|speak as ~1 if|though|an|a|the ~3 "
    "ai|assistant|dan|hacker|expert|admin*|system|developer|unrestricted|evil|pirate|model",
    "pretend ~1 to|that|you|you're|youre",
    "roleplay|role-play as",
    "reveal|print|output|repeat|show|leak|disclose|expose|dump ~3 "
    "prompt*|instruction*|password*|key*|secret*|conversation*|memor*|history|configuration",
    "send|forward|email|upload|post|transmit|exfiltrate|leak ~5 to|at "
    "http*|www*|address|server|attacker*|webhook|*com|*net|*org|url|endpoint",
    "execute|run|eval ~3 command*|script*|code|shell|tool*|rm|curl|wget|sudo|program*",
    "rm rf",
    "curl ~3 http*",
    "drop table",
    "delete|erase|wipe|remove all|every|everything|your|the|any ~3 "
    "memor*|file*|data|fact*|history|record*|message*|backup*",
    "authoriz*|authoris*|pre-approv*|preapprov*|preauthor*|approv*|consent* ~2 "
    "all|any|every|future|unlimited",
    "no longer|need|needs|necessary ~1 need|to|require* ~2 confirm*|ask|verif*|approv*|permission",
    "call|use|invoke|trigger ~1 the|a ~2 tool*|function|plugin|api|home_assistant|service",
    "unlock|disarm|disable|open|deactivate ~2 door*|alarm*|lock*|camera*|garage|gate*|security ~9 "
    "when|whenever|if|immediately|now|every|automatically",
    "treat|consider|regard ~5 as ~2 "
    "trusted|true|instruction*|fact|authoritative|verified|command*|owner|admin*",
    "note|message|memo|instruction*|reminder|important to|for ~1 self|assistant|ai|prot|model|bot|llm|agent",
    "begin|start|end of|system|new ~1 instruction*|prompt|memory|system",
    "end of memory",
    "base64",
    "rot13",
    // Korean, by the beginnings and ends of words.
    "이전*|앞선|앞의|기존*|모든*|지금까지*|위의|원래*|다른 ~3 지시*|명령*|규칙*|설정*|프롬프트*|지침*|안내* "
    "~3 무시*|잊*|따르지*|버려*|버리*|지워*",
    "지시*|명령*|규칙*|프롬프트*|지침*|경고*|안전* ~2 무시*|우회*|해제*|무효*",
    "무시해|무시해라|무시하라|무시하세요|무시하십시오|무시하고|무시할|무시해야|무시하도록",
    "시스템|개발자|관리자|디버그 프롬프트*|모드*|메시지*|명령*|지시*",
    "시스템프롬프트*|탈옥*|관리자모드*|개발자모드*",
    "지금부터*|이제부터*|앞으로*|이후로* ~9 "
    "*해라|*하라|*하세요|*해|*해줘|*마라|*마세요|*말라|*답해|*불러|*말해|*대답한다|*답한다|*추천한다|*해야|*"
    "라고|*하도록|*따라|*따라라|*따르라|*무시한다|*보낸다|*연다|*말한다",
    "너는|넌|당신은|당신이|비서는|어시스턴트는|에이전트는|프롯은|인공지능은|ai는|모델은|챗봇은 ~9 "
    "*해야|*해라|*하라|*하세요|*한다|*말라|*마라|*된다|*이다|*라|*않는다|*준다|*연다|*보낸다",
    "비서*|어시스턴트*|에이전트*|프롯*|인공지능*|ai*|모델*|챗봇* ~9 *하라고|*해야|*하도록|*라고|*하게 ~2 "
    "*지시*|*명령*|*시켰*|*요청*|한다|했다|설정*|만들*",
    "항상*|언제나*|반드시*|무조건*|절대*|매번* ~9 "
    "*해라|*하라|*하세요|*해줘|*말해|*대답해|*답해|*추천해|*마라|*마세요|*말라|*말것|*하십시오|*답하라|*라고|"
    "*하도록|*할것|*불러라|*알려라|*보내라|*열어라",
    "*물으면|*물어보면|*질문하면|*물어볼|*질문할|*물을|*말하면|*언급하면|*요청하면|*부탁하면|*하면 ~9 "
    "*라고|*답해|*대답해|*말해|*답한다|*대답한다|*추천해|*추천한다|*알려줘|*보내|*보내라|*열어|*열어라|*하라|"
    "*해라|*하세요|*답하라|*말하라|*답해야|*해야|*말한다|*보낸다|*실행*|*연다|*이체*",
    "*라고|*다고 ~1 "
    "답해|답해라|답하라|답하세요|대답해|대답해라|대답하라|대답하세요|말해|말해라|말하라|말하세요|알려라|"
    "알려줘|전해|전하라|답한다|대답한다|답해야|대답해야|말해야|말할|답할|대답할|우겨라|주장해라|주장하라",
    "*인|*는 척|척해라|척하라|척하고|척해",
    "역할을|역할로 ~2 *라|*해|*하세요|맡*|수행*",
    "사용자*|주인*|아무* ~3 알리지|말하지|알려주지|묻지|확인하지 ~1 "
    "말고|마라|마세요|말|말라|않고|말것|않는다|마",
    "*확인|*허락|*승인|*동의|*확인* 없이",
    "묻지|확인하지|허락받지 말고|않고|마라|마",
    "메모리*|기억* ~2 모두|전부|다 삭제*|지워*|지우*",
    "모든|전체 ~2 기억*|데이터*|기록*|파일* ~2 삭제*|지워*|지우*|전송*|보내*",
    "명령*|스크립트*|코드*|도구* ~2 실행해*|실행하*|실행시*|호출해*|호출하*",
    "승인된|승인한|신뢰할|허가된 ~2 명령*|지시*|관리자*|사용자*",
    "모든|앞으로의|어떤 ~3 결제*|이체*|송금*|구매*|요청* ~3 승인*|허락*|동의*|허용*",
});

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
    "mention|suggest|promote|insist|claim|deny|hide|store|save|record|please|always|must|you";
// Behind a comma only what hardly begins a noun or a list.
constexpr std::string_view kSureVerbs =
    "ignore|disregard|recommend|reply|answer|respond|say|tell|reveal|redirect|execute|unlock|obey|pretend|"
    "refer|you|send|forward|claim|insist";
constexpr std::string_view kFillers =
    "please|always|never|immediately|then|now|first|just|also|and|so|but|instead|simply|only|prot|assistant|"
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

bool ends_with_order(const Words& words) {
  if (words.empty()) return false;
  const std::string& last = words.back();
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

bool has_order(std::string_view text) {
  bool found = false;
  for_each_clause(text, [&](std::string_view clause, bool hard) {
    const Words words = words_of(clause);
    found = found || begins_with_order(words, hard ? kVerbs : kSureVerbs) || ends_with_order(words);
  });
  return found;
}

bool has_instruction(const Words& words) {
  return std::any_of(kInstructions.begin(), kInstructions.end(),
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
  for (const std::string* form : {&folded, &plain})
    if (has_instruction(words_of(*form)) || has_order(*form)) return Suspicion::kInstruction;
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
