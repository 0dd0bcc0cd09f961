#include "text/sentence_splitter.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/code_points.hpp"

namespace prot::text {
namespace {

constexpr std::u32string_view kStops = U".!?\u2026\u3002\uFF01\uFF1F\u203C\u2047\u2048\u2049";
constexpr std::u32string_view kFullStops = U"\u3002\uFF01\uFF1F";
constexpr std::u32string_view kClauseEnds = U",;:\uFF0C\u3001\uFF1B\uFF1A\u2014\u2013";
constexpr std::u32string_view kClosers = U"\"')]}*_`\u2019\u201D\u00BB\u300D\u300F\u3011\u300B\u3009\uFF09";
constexpr std::u32string_view kOpeners = U"\"'([{*_`#\u2018\u201C\u00AB\u300C\u300E\u3010\u300A\u3008\uFF08";

constexpr std::array<std::u32string_view, 30> kAbbreviations = {
    U"dr",  U"mr",  U"mrs",  U"ms",   U"prof", U"st",  U"jr",  U"sr",  U"vs",   U"inc",
    U"ltd", U"co",  U"corp", U"mt",   U"dept", U"est", U"gen", U"col", U"capt", U"lt",
    U"sgt", U"rev", U"hon",  U"pres", U"gov",  U"sen", U"rep", U"al",  U"cf",   U"approx"};
/// Abbreviations only where a number follows; else they end a sentence ("No." "in March.").
constexpr std::array<std::u32string_view, 22> kBeforeNumber = {
    U"no",  U"nos", U"fig", U"vol", U"ch",  U"sec", U"art", U"p",    U"pp",  U"ca",  U"jan",
    U"feb", U"mar", U"apr", U"jun", U"jul", U"aug", U"sep", U"sept", U"oct", U"nov", U"dec"};
/// Words that open a clause; the first segment may end before them.
constexpr std::array<std::u32string_view, 9> kConjunctions = {
    U"but", U"because", U"which", U"while", U"although", U"though", U"unless", U"whereas", U"however"};

/// Korean clauses that end like this are complete in themselves; the first segment may end behind them.
constexpr std::array<std::u32string_view, 8> kClauseEndings = {U"지만", U"는데", U"은데", U"인데",
                                                               U"니까", U"면서", U"으며", U"이며"};
/// Syllables that Korean sentences end with: "습니다.다음" are two, "3.가나" and "가.나" are not.
constexpr std::u32string_view kSentenceEndings = U"다요죠까네오자군걸게래음함됨임";

constexpr std::size_t kLongSegment = 80;  // width from which a lower-case letter no longer holds a sentence

bool is_one_of(std::u32string_view set, char32_t c) noexcept {
  return set.find(c) != std::u32string_view::npos;
}
bool is_digit(char32_t c) noexcept { return c >= U'0' && c <= U'9'; }
bool is_number_part(char32_t c) noexcept { return is_digit(c) || c == U'.' || c == U','; }
bool is_ascii_letter(char32_t c) noexcept { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }
bool is_lower(char32_t c) noexcept {
  return (c >= U'a' && c <= U'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7);
}
bool is_letter(char32_t c) noexcept {
  return is_ascii_letter(c) || (c >= 0xC0 && !is_space(c) && !is_emoji(c) && !(c >= 0x2000 && c < 0x2C00) &&
                                !(c >= 0x3000 && c < 0x3040));
}

template <std::size_t N>
bool is_listed(const std::array<std::u32string_view, N>& list, const std::u32string& word) {
  return std::find(list.begin(), list.end(), std::u32string_view(word)) != list.end();
}

template <std::size_t N>
bool ends_in(const std::array<std::u32string_view, N>& list, const std::u32string& word) {
  return std::any_of(list.begin(), list.end(), [&word](std::u32string_view end) {
    return word.size() > end.size() && word.ends_with(end);
  });
}

std::u32string lower_case(std::u32string_view word) {
  std::u32string out(word);
  for (char32_t& c : out) {
    if (c >= U'A' && c <= U'Z') c += U'a' - U'A';
  }
  return out;
}

/// "U.S", "e.g", "Ph.D", "a.m": parts of one or two letters with dots between.
bool is_dotted_abbreviation(std::u32string_view word) {
  if (word.find(U'.') == std::u32string_view::npos) return false;
  std::size_t length = 0;
  for (const char32_t c : word) {
    length = c == U'.' ? 0 : length + 1;
    if ((c != U'.' && !is_ascii_letter(c)) || length > 2) return false;
  }
  return true;
}

}  // namespace

SentenceSplitter::SentenceSplitter(SplitterOptions options) : options_(options) {}

std::vector<std::string> SentenceSplitter::push(std::string_view delta) {
  std::vector<std::string> out;
  for (const char32_t c : code_points(assembler_.push(delta))) take(c, out);
  return out;
}

std::vector<std::string> SentenceSplitter::flush() {
  std::vector<std::string> out;
  for (const char32_t c : code_points(assembler_.flush())) take(c, out);
  if (!segment_.empty()) emit(segment_.size(), out);
  *this = SentenceSplitter(options_);
  return out;
}

// Every decision depends on the code points taken so far and on nothing else: that is what makes the segments
// independent of how the text was divided.
void SentenceSplitter::take(char32_t c, std::vector<std::string>& out) {
  const bool border = begins_character(c);
  if (code_points_ >= options_.max_code_points) cut_full(border, out);
  const bool space = is_space(c);
  if (space) {
    if (!in_space_) end_word(out);
    in_space_ = true;
    full_stop_ = false;
    if (c == U'\n') {
      line_start_ = true;
      if (has_letter_ && !in_fence_) pending_ = Cut::kAlways;
    }
  } else {
    if (!border) space_end_ = std::min(space_end_, character_start_);  // a mark on a space
    const bool goes_on = is_one_of(kStops, c) || is_one_of(kClosers, c);
    const bool unspaced = (full_stop_ && !goes_on) || follows_korean_stop(c);
    if (border && (in_space_ ? cuts_before(c) : unspaced)) emit(segment_.size(), out);
    if (in_space_ || segment_.empty()) {
      word_start_ = segment_.size();
      width_before_word_ = width_;
    }
    if (in_space_) pending_ = Cut::kNone;
    in_space_ = false;
    full_stop_ = !in_fence_ && (is_one_of(kFullStops, c) || (full_stop_ && goes_on));
  }
  track_fence(c);
  if (border) character_start_ = segment_.size();
  last_ = c;
  utf8::append(segment_, c);
  ++code_points_;
  width_ += is_cjk(c) ? 2 : 1;
  has_letter_ = has_letter_ || is_letter(c);
  if (space) space_end_ = segment_.size();
}

// The segment is as long as one may be: it ends at the last white space if that leaves at least half, else in
// front of the newest character, or, when that is all there is, right here. `border`: that character is
// whole.
void SentenceSplitter::cut_full(bool border, std::vector<std::string>& out) {
  const std::size_t latest = border ? segment_.size() : character_start_;
  std::size_t at = space_end_ >= segment_.size() / 2 && space_end_ <= latest ? space_end_ : latest;
  if (at == 0) at = segment_.size();
  emit(at, out);
}

bool SentenceSplitter::begins_character(char32_t c) {
  if (last_ == 0) return true;
  return utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(last_),
                                          static_cast<utf8proc_int32_t>(c), &break_state_);
}

bool SentenceSplitter::follows_korean_stop(char32_t c) const {
  if (in_fence_ || !is_hangul(c) || (last_ != U'.' && last_ != U'!' && last_ != U'?')) return false;
  const std::u32string word = code_points(std::string_view(segment_).substr(word_start_));
  const std::size_t end = word.find_last_not_of(U".!?");
  if (end == std::u32string::npos || end < 1 || word.size() - 1 - end > 1) return false;
  return is_one_of(kSentenceEndings, word[end]) && is_hangul(word[end - 1]);
}

void SentenceSplitter::track_fence(char32_t c) {
  backticks_ = c == U'`' ? backticks_ + 1 : 0;
  if (backticks_ == 3) in_fence_ = !in_fence_;
}

void SentenceSplitter::end_word(std::vector<std::string>& out) {
  const std::u32string word = code_points(std::string_view(segment_).substr(word_start_));
  const bool opens_clause = first_ && !in_fence_ && word_start_ > 0 &&
                            width_before_word_ >= options_.first_conjunction_width &&
                            is_listed(kConjunctions, word);
  if (opens_clause) emit(word_start_, out);
  pending_ = in_fence_ ? Cut::kNone : cut_after(word);
  const bool closes_clause = first_ && !in_fence_ && pending_ == Cut::kNone &&
                             width_ >= options_.first_conjunction_width && ends_in(kClauseEndings, word);
  if (closes_clause) pending_ = Cut::kAlways;
  line_start_ = false;
  after_number_ = word.back() == U'.' && std::all_of(word.begin(), word.end(), is_number_part);
}

SentenceSplitter::Cut SentenceSplitter::cut_after(const std::u32string& word) const {
  std::u32string_view core = word;
  while (!core.empty() && is_one_of(kClosers, core.back())) core.remove_suffix(1);
  if (core.empty()) return Cut::kNone;

  const std::size_t clause_width = first_ ? options_.first_clause_width : options_.later_clause_width;
  if (is_one_of(kClauseEnds, core.back())) return width_ >= clause_width ? Cut::kUnlessDigit : Cut::kNone;
  if (core.back() == U'~' || core.back() == 0xFF5E) {
    const std::size_t letter = core.find_last_not_of(U"~\uFF5E");
    return letter != std::u32string_view::npos && is_hangul(core[letter]) ? Cut::kSentence : Cut::kNone;
  }

  std::size_t stops = 0;
  bool only_dots = true;
  for (; stops < core.size() && is_one_of(kStops, core[core.size() - 1 - stops]); ++stops) {
    const char32_t stop = core[core.size() - 1 - stops];
    only_dots = only_dots && (stop == U'.' || stop == 0x2026);
  }
  if (stops == 0) return Cut::kNone;
  if (!only_dots) return Cut::kSentence;
  if (stops > 1 || core.back() == 0x2026) return Cut::kNone;  // an ellipsis is a pause within a sentence
  core.remove_suffix(1);
  while (!core.empty() && is_one_of(kOpeners, core.front())) core.remove_prefix(1);
  if (core.empty()) return Cut::kNone;

  const bool number = std::all_of(core.begin(), core.end(), is_number_part);
  if (number) {
    const bool list_mark = core.size() == 1 || line_start_ || after_number_ || word_start_ == 0;
    return list_mark ? Cut::kNone : Cut::kUnlessDigit;
  }
  const std::u32string lower = lower_case(core);
  if (core.size() == 1 && is_ascii_letter(core.front()) && core != U"I" && lower != U"p") return Cut::kNone;
  if (is_listed(kAbbreviations, lower) || is_dotted_abbreviation(core)) return Cut::kNone;
  return is_listed(kBeforeNumber, lower) ? Cut::kUnlessDigit : Cut::kSentence;
}

bool SentenceSplitter::cuts_before(char32_t next) const {
  switch (pending_) {
    case Cut::kNone:
      return false;
    case Cut::kAlways:
      return true;
    case Cut::kUnlessDigit:
      return !is_digit(next);
    case Cut::kSentence:
      return !is_lower(next) || width_ >= kLongSegment;
  }
  return false;
}

void SentenceSplitter::emit(std::size_t bytes, std::vector<std::string>& out) {
  out.push_back(segment_.substr(0, bytes));
  segment_.erase(0, bytes);
  code_points_ = width_ = 0;
  has_letter_ = false;
  for (const char32_t c : code_points(segment_)) {  // at most the word being read
    ++code_points_;
    width_ += is_cjk(c) ? 2 : 1;
    has_letter_ = has_letter_ || is_letter(c);
  }
  word_start_ -= std::min(word_start_, bytes);
  character_start_ -= std::min(character_start_, bytes);
  space_end_ = 0;
  width_before_word_ = 0;
  first_ = false;
  full_stop_ = false;
  pending_ = Cut::kNone;
}

bool ends_sentence(std::string_view segment) noexcept {
  while (!segment.empty()) {
    std::size_t begin = segment.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(segment[begin]) & 0xC0U) == 0x80U) --begin;
    const char32_t c = utf8::decode(segment.substr(begin)).code_point;
    if (c == U'\n' || is_one_of(kStops, c) || c == U'~' || c == 0xFF5E) return true;
    if (!is_space(c) && !is_one_of(kClosers, c)) return false;
    segment = segment.substr(0, begin);
  }
  return true;
}

}  // namespace prot::text
