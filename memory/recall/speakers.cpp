#include "recall/speakers.hpp"

#include <algorithm>

#include "recall/heap_size.hpp"
#include "recall/terms.hpp"

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

}  // namespace

std::uint16_t Speakers::note(std::string_view text) {
  const std::string_view label = label_of(text);
  if (label.empty()) return kNobody;
  const std::vector<ContentWord> words = content_words(label);
  if (words.empty()) return kNobody;
  const std::string& name = words.front().spelled;
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
    if (known(static_cast<std::uint16_t>(i), turns)) names.push_back(speakers_[i].name);
  return names;
}

std::vector<bool> Speakers::named(const std::vector<std::string>& names, std::size_t turns) const {
  std::vector<bool> named(speakers_.size());
  bool others = false;
  for (std::size_t i = 0; i < speakers_.size(); ++i) {
    if (!known(static_cast<std::uint16_t>(i), turns)) continue;
    named[i] = std::any_of(names.begin(), names.end(),
                           [&](const std::string& name) { return is_name_of(name, speakers_[i].name); });
    others = others || !named[i];
  }
  if (!others) named.assign(named.size(), false);
  return named;
}

std::size_t Speakers::bytes() const noexcept { return heap_block(speakers_.capacity() * sizeof(Speaker)); }

}  // namespace prot::memory
