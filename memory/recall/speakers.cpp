#include "recall/speakers.hpp"

#include <algorithm>

#include "recall/heap_size.hpp"
#include "recall/terms.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kMaxLabel = 40;
constexpr std::size_t kMaxSpeakers = 256;
constexpr std::uint32_t kLeastTurns = 3;  // of a speaker,
constexpr std::size_t kLeastShare = 100;  // and the hundredth part of all turns

/// The words before a colon at the begin that may be a name; empty: none.
std::string_view label_of(std::string_view text) {
  const std::size_t colon = text.substr(0, kMaxLabel).find(": ");
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string_view label = text.substr(0, colon);
  const auto fits = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || c == ' ' || c == '-' || c == '.' || c == '\'';
  };
  const bool lower = label.front() >= 'a' && label.front() <= 'z';
  return !lower && std::all_of(label.begin(), label.end(), fits) ? label : std::string_view();
}

/// Its words as Query::names has them, with spaces between; also one that is no search term ("Will").
std::string name_of(std::string_view label) {
  std::string name;
  for (const std::string& word : text::words(label)) {
    const std::vector<ContentWord> content = content_words(word);
    name.append(name.empty() ? "" : " ").append(content.empty() ? word : content.front().spelled);
  }
  return name;
}

/// f(word) for each word of a name.
template <typename F>
void for_each_word(std::string_view name, F&& f) {
  while (!name.empty()) {
    const std::size_t space = std::min(name.find(' '), name.size());
    f(std::string(name.substr(0, space)));
    name.remove_prefix(std::min(space + 1, name.size()));
  }
}

}  // namespace

std::uint16_t Speakers::note(std::string_view text) {
  const std::string_view label = label_of(text);
  if (label.empty()) return kNobody;
  const std::string name = name_of(label);
  if (name.empty()) return kNobody;
  auto place = std::find_if(speakers_.begin(), speakers_.end(),
                            [&](const Speaker& speaker) { return speaker.name == name; });
  if (place == speakers_.end())
    place = std::find_if(speakers_.begin(), speakers_.end(),
                         [](const Speaker& speaker) { return speaker.turns == 0; });
  if (place == speakers_.end()) {
    if (speakers_.size() == kMaxSpeakers) return kNobody;
    place = speakers_.insert(place, {name, 0});
  }
  if (place->turns == 0) place->name = name;
  ++place->turns;
  return static_cast<std::uint16_t>(place - speakers_.begin());
}

void Speakers::release(std::uint16_t speaker) {
  if (speaker != kNobody) --speakers_[speaker].turns;
}

bool Speakers::known(std::uint16_t speaker, std::size_t turns) const {
  return speaker != kNobody && speakers_[speaker].turns >= kLeastTurns &&
         speakers_[speaker].turns * kLeastShare >= turns;
}

std::vector<std::string> Speakers::names(std::size_t turns) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < speakers_.size(); ++i)
    if (known(static_cast<std::uint16_t>(i), turns))
      for_each_word(speakers_[i].name, [&](std::string word) {
        if (std::find(names.begin(), names.end(), word) == names.end()) names.push_back(std::move(word));
      });
  return names;
}

std::vector<bool> Speakers::named(const std::vector<std::string>& names, std::size_t turns) const {
  std::vector<bool> named(speakers_.size());
  std::vector<int> shared(speakers_.size());  // words of their name that the question has
  for (std::size_t i = 0; i < speakers_.size(); ++i)
    if (known(static_cast<std::uint16_t>(i), turns))
      for_each_word(speakers_[i].name, [&](const std::string& word) {
        shared[i] += std::any_of(names.begin(), names.end(),
                                 [&](const std::string& name) { return is_name_of(name, word); })
                         ? 1
                         : 0;
      });
  // "Dr. Kim" is not "Dr. Lee".
  const int most = shared.empty() ? 0 : *std::max_element(shared.begin(), shared.end());
  bool others = false;
  for (std::size_t i = 0; i < speakers_.size(); ++i) {
    if (!known(static_cast<std::uint16_t>(i), turns)) continue;
    named[i] = most > 0 && shared[i] == most;
    others = others || !named[i];
  }
  if (!others) named.assign(named.size(), false);
  return named;
}

std::size_t Speakers::bytes() const noexcept {
  std::size_t bytes = heap_block(speakers_.capacity() * sizeof(Speaker));
  for (const Speaker& speaker : speakers_)
    if (speaker.name.capacity() > std::string().capacity()) bytes += heap_block(speaker.name.capacity() + 1);
  return bytes;
}

}  // namespace prot::memory
