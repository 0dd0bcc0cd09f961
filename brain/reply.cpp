#include "reply.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

#include "conversation.hpp"
#include "json/json.hpp"
#include "text/speakable.hpp"
#include "text/utf8.hpp"
#include "wire/memory.hpp"

namespace prot::brain {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// A small model may copy the mark that it saw in the history.
std::string without_mark(std::string text) {
  const std::string_view mark = trimmed(kInterruptedMark);
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark))
    text.erase(at, mark.size());
  return text;
}

void append_words(std::string& out, std::string_view words) {
  if (words.empty()) return;
  if (!out.empty()) out += ' ';
  out += words;
}

}  // namespace

std::string_view segment_language(std::string_view text, std::string_view fallback) noexcept {
  bool latin = false;
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    if (text::is_hangul(next.code_point)) return "ko";
    latin = latin || (next.code_point < 0x80 && std::isalpha(static_cast<int>(next.code_point)) != 0);
    text.remove_prefix(next.length);
  }
  return latin ? "en" : fallback;
}

Reply::Reply(TurnRecord record, Links links, Phase phase)
    : record_(std::move(record)),
      links_(std::move(links)),
      phase_(phase),
      done_(record_.segments.size(), false),
      round_(static_cast<std::uint32_t>(record_.rounds.size())) {
  if (record_.segments.empty()) return;
  const SpokenSegment& last = record_.segments.back();
  sentence_over_ = last.notice || text::ends_sentence(last.text);
}

void Reply::ask_model(Nanos request_ns) noexcept {
  phase_ = Phase::kModel;
  record_.waterfall.request = request_ns;
}

void Reply::add_text(std::string_view delta, Nanos now) {
  for (const std::string& piece : splitter_.push(delta)) emit(piece, false, now);
}

void Reply::say(std::string_view notice, Nanos now) { emit(notice, true, now); }

void Reply::say_wait(std::string_view notice, Nanos now) {
  if (record_.waterfall.notice == 0) record_.waterfall.notice = now;
  emit(notice, true, now);
}

void Reply::say_again(const std::vector<SpokenSegment>& lost, Nanos now) {
  for (const SpokenSegment& segment : lost) {
    round_ = segment.round;
    emit(segment.text, segment.notice, now);
  }
  round_ = static_cast<std::uint32_t>(record_.rounds.size());
}

bool Reply::answers() const noexcept {
  return std::any_of(record_.segments.begin(), record_.segments.end(),
                     [](const SpokenSegment& segment) { return !segment.notice; });
}

void Reply::finish_text(Nanos now) {
  for (const std::string& piece : splitter_.flush()) emit(piece, false, now);
}

void Reply::use_tools(const ToolRound& round, Nanos now) {
  finish_text(now);
  links_.journal->round(round_++, round);
  phase_ = Phase::kTools;
}

void Reply::end(Nanos now) {
  finish_text(now);
  record_.whole = true;
  push_end();
  phase_ = Phase::kPlaying;
}

void Reply::cut(Nanos now, Nanos deadline) {
  (void)now;
  const bool ended = record_.ended;
  links_.speech->drop_turn(turn());
  if (!ended || links_.speech->next_sequence() <= record_.end_frame) {
    record_.whole = false;
    push_end();
  }
  phase_ = Phase::kCut;
  cut_deadline_ = deadline;
}

void Reply::push_end() {
  record_.ended = true;
  record_.end_frame = links_.speech->next_sequence();
  links_.journal->turn_end(record_.end_frame, record_.whole);
  wire::TurnEnd head{};
  head.segments = static_cast<std::uint32_t>(record_.segments.size());
  wire::SendOptions options;
  options.turn = turn();
  links_.speech->push(head, {}, options);
}

void Reply::emit(std::string_view text, bool notice, Nanos now) {
  const std::string words(trimmed(text::speakable(without_mark(std::string(text)))));
  if (words.empty()) {
    sentence_over_ = sentence_over_ || text::ends_sentence(text);
    return;
  }
  const auto number = static_cast<std::uint32_t>(record_.segments.size());
  SpokenSegment segment;
  segment.text = words;
  segment.notice = notice;
  segment.round = round_;
  segment.frame = links_.speech->next_sequence();
  links_.journal->segment(segment);
  record_.segments.push_back(std::move(segment));
  done_.push_back(false);
  if (!notice && record_.waterfall.first_segment == 0) record_.waterfall.first_segment = now;

  wire::Segment head{};
  head.segment = number;
  head.joins = notice || sentence_over_ ? 0 : 1;
  sentence_over_ = notice || text::ends_sentence(text);
  const std::string_view language = segment_language(words, links_.language);
  std::memcpy(head.language, language.data(), std::min(language.size(), sizeof(head.language) - 1));
  wire::SendOptions options;
  options.turn = turn();
  options.made_ns = now;
  links_.speech->push(head, words, options);
  json::Writer event;
  event.begin_object().member("type", "segment").member("turn", turn()).member("segment", number);
  event.member("notice", notice).member("text", words).member("at_ns", now);
  (*links_.publish)(event.end_object().str());
  if (notice || !record_.has_message) return;

  wire::ReplySegment said{};
  said.conversation = record_.conversation;
  said.sequence = record_.reply_sequence;
  said.wall_ns = wall_now();
  said.segment = number;
  said.channel = wire::Channel::kVoice;
  links_.turns->push(said, words, options);
}

void Reply::heard(std::uint32_t segment, std::uint32_t bytes) {
  for (std::size_t i = 0; i < record_.segments.size() && i <= segment; ++i) {
    SpokenSegment& item = record_.segments[i];
    if (done_[i]) continue;
    const auto whole = static_cast<std::uint32_t>(item.text.size());
    item.heard_bytes = i < segment ? whole : std::max(item.heard_bytes, std::min(bytes, whole));
  }
}

void Reply::segment_done(std::uint32_t segment, std::uint32_t bytes, std::uint32_t samples) {
  if (segment >= record_.segments.size()) return;
  heard(segment, bytes);
  SpokenSegment& item = record_.segments[segment];
  if (bytes == 0 && samples > 0) item.heard_bytes = static_cast<std::uint32_t>(item.text.size());
  done_[segment] = true;
}

void Reply::heard_all() {
  for (std::size_t i = 0; i < record_.segments.size(); ++i)
    if (!done_[i])
      record_.segments[i].heard_bytes = static_cast<std::uint32_t>(record_.segments[i].text.size());
}

std::string Reply::heard_text() const {
  std::string out;
  for (const SpokenSegment& item : record_.segments)
    if (!item.notice) append_words(out, trimmed(text::truncate_utf8(item.text, item.heard_bytes)));
  return out;
}

std::string Reply::heard_text(std::uint32_t round) const {
  std::string out;
  for (const SpokenSegment& item : record_.segments)
    if (!item.notice && item.round == round)
      append_words(out, trimmed(text::truncate_utf8(item.text, item.heard_bytes)));
  return out;
}

std::string Reply::given_text(std::uint32_t round) const {
  std::string out;
  for (const SpokenSegment& item : record_.segments)
    if (!item.notice && item.round == round) append_words(out, trimmed(item.text));
  return out;
}

void Reply::assume_done() {
  for (std::size_t i = 0; i < record_.segments.size(); ++i)
    done_[i] = done_[i] || record_.segments[i].heard_bytes >= record_.segments[i].text.size();
}

bool Reply::wholly_heard() const noexcept {
  return record_.whole && std::all_of(record_.segments.begin(), record_.segments.end(), [](const auto& item) {
           return trimmed(text::truncate_utf8(item.text, item.heard_bytes)) == trimmed(item.text);
         });
}

bool Reply::spoken_out() const noexcept {
  return std::find(done_.begin(), done_.end(), false) == done_.end();
}

}  // namespace prot::brain
