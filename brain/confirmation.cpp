#include "confirmation.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "backchannels.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

// Each alone is a yes.
constexpr std::array<std::string_view, 21> kYesEnglish = {
    "yes",        "yeah",   "yep",     "yup",       "sure",        "ok",         "okay",
    "absolutely", "aye",    "confirm", "confirmed", "affirmative", "go ahead",   "do it",
    "please do",  "indeed", "do that", "of course", "certainly",   "definitely", "thats right"};
// These may stand beside one.
constexpr std::array<std::string_view, 11> kBesideEnglish = {
    "please", "it", "that", "the", "now", "thanks", "thank you", "prot", "im", "just", "do"};
constexpr std::array<std::string_view, 32> kYesKorean = {
    "네",       "예",     "넵",       "넹",       "응",         "웅",         "그래",       "그래요",
    "좋아",     "좋아요", "좋습니다", "물론",     "물론이지",   "물론이죠",   "물론이에요", "당연하지",
    "당연하죠", "오케이", "해줘",     "해줘요",   "해주세요",   "해주십시오", "하세요",     "해도돼",
    "해도돼요", "진행해", "부탁해",   "부탁해요", "부탁합니다", "맞아",       "맞아요",     "맞습니다"};
constexpr std::array<std::string_view, 25> kBesideKorean = {
    "어", "그렇게", "그럼",   "제발", "좀",   "지금", "바로", "빨리",   "어서", "을",   "를", "은",    "는",
    "이", "가",     "주세요", "줘",   "줘요", "요",   "프롯", "프롯아", "야",   "그거", "해", "고마워"};

bool is_hangul_word(std::string_view word) {
  return !word.empty() && text::is_hangul(utf8::decode(word).code_point);
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Can the run be made of words of the lists, with a yes among them where `yes` asks for one?
bool covers(std::string_view run, const std::vector<std::string>& about, bool& yes) {
  enum : std::uint8_t { kNo, kPlain, kWithYes };
  std::vector<std::uint8_t> reached(run.size() + 1, kNo);
  reached[0] = kPlain;
  const auto step = [&](std::size_t at, std::string_view word, bool is_yes) {
    if (word.empty() || !run.substr(at).starts_with(word)) return;
    std::uint8_t& to = reached[at + word.size()];
    to = std::max(to, is_yes ? std::uint8_t{kWithYes} : reached[at]);
  };
  for (std::size_t at = 0; at < run.size(); ++at) {
    if (reached[at] == kNo) continue;
    for (const std::string_view word : kYesKorean) step(at, word, true);
    for (const std::string_view word : kBesideKorean) step(at, word, false);
    for (const std::string& word : about) step(at, word, false);
  }
  yes = yes || reached[run.size()] == kWithYes;
  return reached[run.size()] != kNo;
}

}  // namespace

bool says_yes(std::string_view text, const std::vector<std::string>& about) {
  if (is_question(text)) return false;  // "네?" asks back
  std::vector<std::string> known;
  for (const std::string& one : about)
    for (std::string& word : text::words(one)) known.push_back(std::move(word));
  const std::vector<std::string> words = text::words(text);
  bool yes = false;
  std::string run;  // of Hangul: spaces are where the recogniser likes them
  const auto end_run = [&] { return run.empty() || covers(std::exchange(run, {}), known, yes); };
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (is_hangul_word(word)) {
      run += word;
      continue;
    }
    if (!end_run()) return false;
    const std::string two = at + 1 < words.size() ? word + " " + words[at + 1] : "";
    if (is_one_of(kYesEnglish, two) || is_one_of(kBesideEnglish, two)) {
      yes = yes || is_one_of(kYesEnglish, two);
      ++at;
    } else if (is_one_of(kYesEnglish, word)) {
      yes = true;
    } else if (!is_one_of(kBesideEnglish, word) &&
               std::find(known.begin(), known.end(), word) == known.end()) {
      return false;
    }
  }
  return end_run() && yes;
}

std::string OpenCall::question(std::string_view language) const {
  return (language == "ko" ? consent.ko : consent.en) + " " + std::string(ask(language));
}

std::string_view OpenCall::ask(std::string_view language) noexcept {
  return language == "ko" ? "그렇게 할까요?" : "Shall I do that?";
}

void Confirmation::ask(OpenCall call, Nanos now) {
  if (state_ != State::kNone) end("dropped");
  open_ = std::move(call);
  state_ = State::kAsked;
  until_ = now + kToHear;
  asked_again_ = false;
  tell_("asked", open_->consent.en);
}

void Confirmation::heard(Nanos now) {
  if (state_ != State::kAsked) return;
  state_ = State::kHeard;
  until_ = now + kTime;
  tell_("heard", open_->consent.en);
}

Confirmation::Answer Confirmation::judge(std::string_view words, Nanos said) {
  tick(said);
  if (state_ == State::kNone) return Answer::kNone;
  if (!says_yes(words, open_->consent.words)) {
    end("dropped");
    return Answer::kDropped;
  }
  if (state_ == State::kHeard) {
    state_ = State::kNone;  // once, whatever comes of it
    tell_("yes", open_->consent.en);
    return Answer::kYes;
  }
  if (std::exchange(asked_again_, true)) {
    end("dropped");
    return Answer::kDropped;
  }
  until_ = said + kToHear;
  tell_("again", open_->consent.en);
  return Answer::kAgain;
}

OpenCall Confirmation::take() {
  OpenCall taken = std::move(*open_);
  open_.reset();
  return taken;
}

void Confirmation::drop() {
  if (state_ != State::kNone) end("dropped");
}

void Confirmation::tick(Nanos now) {
  if (state_ != State::kNone && now >= until_) end("dropped");
}

void Confirmation::end(std::string_view step) {
  state_ = State::kNone;
  tell_(step, open_->consent.en);
  open_.reset();
}

}  // namespace prot::brain
