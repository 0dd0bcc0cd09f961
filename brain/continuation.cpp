#include "continuation.hpp"

#include <algorithm>
#include <utility>

namespace prot::brain {
namespace {

// A shorter repetition of a single word may be a coincidence ("very very good").
constexpr std::size_t kLeastRepeated = 8;
constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kNoBlankBefore = ".,;:!?)]}";

std::string_view without_blank(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

constexpr const char* kGoOn =
    "[Your answer broke off behind the words above, which the user has heard. Go on directly behind them, in "
    "the same language. Repeat nothing and do not mention this.]";

bool is_blank(char c) { return kBlank.find(c) != std::string_view::npos; }
bool ends_word(char next) { return is_blank(next) || kNoBlankBefore.find(next) != std::string_view::npos; }

bool is_repetition(std::string_view words) {
  return words.size() >= kLeastRepeated || words.find_first_of(kBlank) != std::string_view::npos;
}

}  // namespace

Request going_on(Request request, const std::string& said, bool local) {
  request.messages.push_back({Role::kAssistant, said, {}, {}});
  if (!local) request.messages.push_back({Role::kUser, kGoOn, {}, {}});
  return request;
}

Continuation::Continuation(std::string said) : said_(std::move(said)) {
  while (!said_.empty() && is_blank(said_.back())) said_.pop_back();
}

std::size_t Continuation::repeated(bool& open) const {
  open = held_.empty();
  const std::string_view said = said_;
  for (std::size_t at = 0; at < said.size(); ++at) {  // the longest end of it first
    if (at > 0 && !is_blank(said[at - 1])) continue;
    const std::string_view end = said.substr(at);
    if (end.starts_with(held_)) open = true;
    if (!is_repetition(end) || !held_.starts_with(end)) continue;
    const std::string_view rest = std::string_view(held_).substr(end.size());
    if (!rest.empty() && !ends_word(rest.front())) continue;
    open = open || without_blank(rest).empty();
    return end.size();
  }
  return 0;
}

std::string Continuation::release(std::size_t repeated) {
  decided_ = true;
  const std::string_view rest = without_blank(std::string_view(held_).substr(repeated));
  if (rest.empty()) return {};
  const bool blank = !said_.empty() && !ends_word(rest.front());
  std::string out = (blank ? " " : "") + std::string(rest);
  held_.clear();
  return out;
}

std::string Continuation::push(std::string_view text) {
  if (decided_) return std::string(text);
  held_ += held_.empty() ? without_blank(text) : text;
  bool open = false;
  const std::size_t drop = repeated(open);
  return open ? std::string() : release(drop);
}

std::string Continuation::finish() {
  if (decided_ || held_.empty()) return {};
  bool open = false;
  std::size_t drop = repeated(open);
  if (drop == 0 && open && is_repetition(held_)) drop = held_.size();  // it broke off in repeating
  return release(drop);
}

}  // namespace prot::brain
