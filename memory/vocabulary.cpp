#include "vocabulary.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "base/utf8.hpp"
#include "terms.hpp"
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

// One group a line. A word may be in several.
constexpr std::array kRelated = std::to_array<std::string_view>({
    // people
    "kid child son daughter baby toddler",
    "parent mother father mom dad mum mommy daddy",
    "mother mom mum mommy mama",
    "father dad daddy papa",
    "grandmother grandma granny nana",
    "grandfather grandpa granddad",
    "sibling brother sister twin",
    "husband wife spouse partner married",
    "boyfriend girlfriend partner date dating relationship",
    "friend buddy pal",
    "neighbor neighborhood",
    "boss manager supervisor",
    "coworker colleague teammate",
    "relative family aunt uncle cousin niece nephew",
    "doctor physician specialist clinic",
    // life
    "marry wedding married engaged engagement propose fiance",
    "divorce split separate breakup",
    "birth born baby pregnant",
    "die death pass funeral",
    "birthday party celebrate celebration",
    "anniversary celebrate",
    "move relocate apartment house home",
    "live home house apartment reside residence",
    "hometown grew raised",
    "country abroad homeland",
    // work and school
    "job work career profession occupation employ employment",
    "company employer firm office",
    "salary pay wage raise income",
    "promotion promote raise",
    "quit resign fired laid",
    "interview hire hired application apply",
    "school college university campus class",
    "study learn course class lesson",
    "major degree study",
    "exam test midterm final",
    "teacher instructor professor tutor coach",
    "student pupil",
    "graduate graduation diploma degree",
    "volunteer charity community shelter donate",
    "business shop store startup",
    "project build",
    // free time
    "hobby pastime interest enjoy activity",
    "fun enjoy relax unwind destress",
    "read book novel author",
    "movie film cinema",
    "show series tv episode watch",
    "music song band concert album playlist",
    "instrument piano guitar violin drum cello flute saxophone ukulele clarinet",
    "sing choir vocal karaoke",
    "dance ballet salsa",
    "paint painting art draw sketch canvas watercolor",
    "craft pottery knit sew crochet ceramic",
    "photo photograph photography camera picture",
    "game play console video board",
    "sport soccer football basketball tennis baseball volleyball",
    "exercise workout gym fitness training yoga run",
    "run jog marathon race",
    "hike trail mountain trek climb",
    "bike bicycle cycling cycle",
    "swim pool lap",
    "camp tent campfire outdoor",
    "fish fishing",
    "garden plant flower vegetable tomato",
    "meditate meditation mindful yoga",
    "competition contest tournament race championship",
    "prize win award trophy medal",
    "team club league group",
    // food
    "food dish meal cuisine eat",
    "cook recipe bake kitchen meal",
    "bake cake bread cookie pie pastry",
    "restaurant cafe diner bistro eatery",
    "breakfast lunch dinner meal",
    "dessert cake sweet ice cream",
    "drink beverage coffee tea",
    "vegetarian vegan meat diet",
    "allergy allergic reaction",
    // travel and things
    "trip travel vacation holiday visit journey getaway",
    "travel fly flight plane airport",
    "hotel hostel airbnb stay",
    "beach ocean sea coast",
    "car vehicle drive truck van",
    "pet dog cat puppy kitten",
    "dog puppy",
    "cat kitten kitty",
    "adopt shelter rescue",
    "phone cell mobile",
    "computer laptop",
    "gift present",
    "buy purchase shop order",
    "clothes dress shirt jacket outfit",
    "necklace bracelet jewelry ring",
    "money budget save cost afford price",
    "repair fix broken",
    // body and mind
    "sick ill flu cold fever disease",
    "hurt injury injure sprain broke",
    "hospital surgery operation",
    "pain ache sore",
    "therapy therapist counsel counselor",
    "stress anxious anxiety overwhelm worry nervous",
    "happy glad excited thrilled",
    "sad upset cry down",
    "afraid scared fear phobia",
    "angry mad argue argument fight",
    "proud accomplish achievement achieve",
    "goal plan dream hope aim",
    "religion church faith god pray",
    "support help encourage",
    "motivate inspire inspiration reason",
    "start begin began took",
    "stop quit give",
    "finish complete done",
    "favorite prefer love",
    "hate dislike",
    "advice tip suggest recommend",
    "recommend suggest",
    "nickname call name",
    "old age",
    "often week daily",
    "color blue red green yellow purple",
    // 한국어
    "직업 직장 회사 일 취직 취업 출근 일하 다니",
    "이직 퇴사 그만 옮기",
    "사장 상사 부장 팀장",
    "월급 연봉 급여",
    "집 이사 아파트 동네 살",
    "고향 출신 태어나",
    "엄마 어머니 어머님",
    "아빠 아버지 아버님",
    "부모 부모님 엄마 아빠",
    "할머니 할머님 외할머니",
    "할아버지 외할아버지",
    "동생 여동생 남동생",
    "형 오빠",
    "누나 언니",
    "아내 와이프 부인",
    "남편 신랑",
    "아들 딸 아이 아기 애",
    "남자친구 남친 애인",
    "여자친구 여친 애인",
    "결혼 결혼식 약혼 청첩장",
    "생일 생신",
    "선물 사주",
    "강아지 개 반려견 애완견",
    "고양이 냥이 반려묘",
    "반려동물 애완동물 강아지 고양이",
    "취미 여가 요즘 배우",
    "운동 헬스 헬스장 수영 요가 필라테스 달리기 등산 테니스 축구",
    "달리기 마라톤 조깅 러닝",
    "등산 산 산행",
    "자전거 라이딩",
    "악기 피아노 기타 바이올린 첼로 드럼",
    "노래 음악 콘서트 공연 가수",
    "영화 극장",
    "드라마 시리즈",
    "책 소설 독서",
    "음식 요리 먹 메뉴",
    "식당 맛집 레스토랑",
    "커피 카페",
    "알레르기 알러지",
    "여행 휴가 여행지 다녀오",
    "비행기 항공 공항",
    "숙소 호텔 펜션",
    "자동차 차 운전 면허",
    "병원 의사 진료 검진",
    "치과 이 사랑니",
    "아프 다치 수술 입원 병",
    "약 처방",
    "시험 합격 자격증",
    "학교 대학 대학교 학과 전공",
    "선생님 교수 강사",
    "공부 배우 수업 학원",
    "약속 만나 모임",
    "걱정 고민 스트레스",
    "사 구입 구매 샀",
    "전화 전화번호 핸드폰 휴대폰",
    "비밀번호 비번",
    "주소 집",
    "색 색깔",
    "별명 이름 부르",
    "나이 살",
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

using Groups = std::unordered_map<std::string, std::vector<std::string>>;

Groups make_groups() {
  Groups groups;
  for (const std::string_view line : kRelated) {
    std::vector<std::string> stems;
    for (const ContentWord& word : content_words(line)) stems.push_back(word.stem);
    for (const std::string& stem : stems)
      for (const std::string& other : stems)
        if (std::vector<std::string>& known = groups[stem];
            other != stem && std::find(known.begin(), known.end(), other) == known.end())
          known.push_back(other);
  }
  return groups;
}

}  // namespace

std::string_view plain_form(std::string_view word) {
  static const std::unordered_map<std::string_view, std::string_view> forms(kIrregular.begin(),
                                                                            kIrregular.end());
  const auto found = forms.find(word);
  return found == forms.end() ? word : found->second;
}

const std::vector<std::string>& related_words(const std::string& stem) {
  static const Groups groups = make_groups();
  static const std::vector<std::string> none;
  const auto found = groups.find(stem);
  return found == groups.end() ? none : found->second;
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
