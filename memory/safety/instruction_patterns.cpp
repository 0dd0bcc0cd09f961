#include "safety/instruction_patterns.hpp"

#include <array>

namespace prot::memory {
namespace {

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
    "authorize|authorise|allow|permit|want|need|order|command|instruct|ask|tell|expect|require|request|like "
    "you to",
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
    "권한이|권한을 있다|부여*|갖*|준다|가진다|줘|줘라|줘야|주어라|주라",
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
    "너는|넌|당신은|네가|비서는|프롯은 더|더이상 ~3 아니*|아냐|아닙니다",
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
    "say|answer|reply|respond|recommend|suggest|tell|claim|state|always|never|use|refer|deny|insist|include|"
    "read|reveal|mention|disclose|send|open",
    "from this|that moment|point|day|hour ~2 assistant|prot|ai|bot|model|you",
    "assistant|prot|ai|bot|chatbot may|can|could ~1 "
    "open|unlock|send|share|transfer|pay|buy|order|run|execute|delete|forward|disclose|reveal|skip|ignore",
    "rule*|guideline*|restriction*|instruction*|directive*|polic*|filter* ~1 is|are|become ~1 "
    "void|invalid|cancelled|canceled|revoked|obsolete|suspended|lifted|irrelevant|disabled",
    "rule*|guideline*|restriction*|instruction*|polic*|filter* ~1 not|dont|doesnt|longer ~1 apply|count",
    "agreed|agrees|consented|consents|approved|approves ~4 all|any|every|future ~1 "
    "purchase*|payment*|transfer*|request*|charge*|transaction*",
    "read|reads|reading ~1 out|aloud ~3 key|keys|password|passwords|code|codes|pin|token|secret*|prompt",
    "in|during|with any|every|each|all ~1 conversation*|answer*|reply|replies|response*|chat*|session* ~3 "
    "praise|warn|recommend|mention|promote|advertise|endorse|say|include|add",
    "in|to all|every|any answer|answers|response|responses",
    "policy|rule|law|decided|agreed ~1 that ~2 assistant|prot|ai|bot|you",
    "any|every|all request*|command*|payment*|message* ~7 authori*|approved|trusted|valid|confirmed|allowed",
    "fine|okay|ok|safe|allowed|permitted to read|send|share|open|unlock|transfer|pay|disclose|show ~5 to",
    "filter*|safety|protection*|guard*|restriction* ~1 is|are|was ~1 switched|turned off",
    "more important than ~3 user|owner|rule*|instruction*",
    "명령*|지시*|메모* ~3 우선*",
    "확인*|허락*|승인*|인증* 필요 없*",
    "확인*|허락*|승인*|인증* 필요없*",
    "읽어|보내|열어|알려|말해|넘겨 줘도 괜찮*|된다|돼*|됩니다",
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
    "역할을|역할로 ~2 *라|*해|*하세요|맡아줘|맡아주세요|맡으세요|맡아야|수행해야|수행하도록",
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

}  // namespace

std::span<const std::string_view> instruction_patterns() noexcept { return kInstructions; }

}  // namespace prot::memory
