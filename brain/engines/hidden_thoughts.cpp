#include "engines/hidden_thoughts.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace prot::brain {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"think",    "thinking",  "thought",
                                                    "thoughts", "reasoning", "reflection"};
constexpr std::size_t kLongestTag = 80;  // with attributes; more is no tag

struct Tag {
  enum class What { kNone, kPerhaps, kBegin, kEnd };
  What what = What::kNone;
  std::string name = {};
  std::size_t length = 0;
};

// Names in brackets are words of their own elsewhere ("[reflection]"): one of them is a model's.
bool is_name(std::string_view name, bool brackets) noexcept {
  return brackets ? name == "think" || name == "thinking"
                  : std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool begins_name(std::string_view text) noexcept {
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view n) { return n.starts_with(text); });
}

// What stands at the beginning of `text`, which is '<' or '['.
Tag tag_at(std::string_view text) {
  const bool brackets = text.front() == '[';
  std::size_t at = 1;
  const bool ends = at < text.size() && text[at] == '/';
  if (ends) ++at;
  std::string name;
  while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) != 0)
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(text[at++])));
  if (at == text.size()) return {begins_name(name) ? Tag::What::kPerhaps : Tag::What::kNone};
  if (!is_name(name, brackets)) return {};
  const char close = brackets ? ']' : '>';
  if (text[at] != close && (brackets || std::isspace(static_cast<unsigned char>(text[at])) == 0)) return {};
  const std::size_t end = text.substr(0, kLongestTag).find_first_of(brackets ? "]" : "<>", at);
  if (end == std::string_view::npos)
    return {text.size() < kLongestTag ? Tag::What::kPerhaps : Tag::What::kNone};
  if (text[end] != close) return {};
  return {ends ? Tag::What::kEnd : Tag::What::kBegin, (brackets ? "[" : "<") + name, end + 1};
}

}  // namespace

std::string HiddenThoughts::push(std::string_view text) {
  held_ += text;
  std::string out;
  std::size_t at = 0;
  while (at < held_.size()) {
    const std::size_t next = std::min(held_.find_first_of("<[", at), held_.size());
    if (thinks_.empty()) out.append(held_, at, next - at);
    at = next;
    if (at == held_.size()) break;
    const Tag tag = tag_at(std::string_view(held_).substr(at));
    if (tag.what == Tag::What::kPerhaps) break;
    if (tag.what == Tag::What::kNone) {
      if (thinks_.empty()) out += held_[at];
      ++at;
      continue;
    }
    at += tag.length;
    if (tag.what == Tag::What::kBegin && thinks_.empty()) thinks_ = tag.name;
    if (tag.what == Tag::What::kEnd && thinks_ == tag.name) thinks_.clear();
  }
  held_.erase(0, at);
  return out;
}

std::string HiddenThoughts::finish() {
  std::string rest = std::exchange(held_, {});
  // "<thi": the answer was cut within its tag. A sign by itself is one.
  if (!std::exchange(thinks_, {}).empty() || rest.size() > 1) return {};
  return rest;
}

std::vector<ModelEvent> ThoughtlessModel::poll(Nanos now) {
  std::vector<ModelEvent> out;
  for (ModelEvent& event : model_->poll(now)) {
    const bool ends = event.kind == ModelEvent::Kind::kDone || event.kind == ModelEvent::Kind::kError;
    if (event.kind == ModelEvent::Kind::kText) {
      event.text = answers_[event.id].push(event.text);
      if (event.text.empty()) continue;
    } else if (ends) {
      if (const auto it = answers_.find(event.id); it != answers_.end()) {
        ModelEvent last = event;
        last.kind = ModelEvent::Kind::kText;
        last.text = it->second.finish();
        last.verbatim.clear();
        answers_.erase(it);
        if (!last.text.empty()) out.push_back(std::move(last));
      }
    }
    out.push_back(std::move(event));
  }
  return out;
}

void ThoughtlessModel::cancel(RequestId id) {
  model_->cancel(id);
  answers_.erase(id);
}

}  // namespace prot::brain
