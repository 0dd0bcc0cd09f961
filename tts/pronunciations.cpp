#include "pronunciations.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/utf8.hpp"
#include "text_scan.hpp"

namespace prot::tts {
namespace {

constexpr std::size_t kLongestFile = 1U << 20U;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && scan::is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && scan::is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_hangul(char32_t c) { return c >= 0xAC00 && c <= 0xD7A3; }

// The code point that `text` ends with; 0: it is empty.
char32_t last_of(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && (static_cast<unsigned char>(text[begin - 1]) & 0xC0U) == 0x80U) --begin;
  return begin == 0 ? 0 : utf8::decode(text.substr(begin - 1)).code_point;
}

char32_t first_of(std::string_view text) { return text.empty() ? 0 : utf8::decode(text).code_point; }

// Letters and digits of any script, roughly: what would make a longer word of it.
bool is_letter(char32_t c) {
  if (c < 0x80) return c != 0 && scan::is_alnum(static_cast<char>(c));
  return (c >= 0xC0 && c < 0x2000) || (c >= 0x3040 && c < 0xFE00);
}

}  // namespace

Pronunciations Pronunciations::load(const std::string& path, std::vector<std::string>& problems) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || !text) {
    problems.push_back(path + ": cannot read it");
    return {};
  }
  return parse(text.str(), path, problems);
}

Pronunciations Pronunciations::parse(std::string_view text, std::string_view name,
                                     std::vector<std::string>& problems) {
  Pronunciations made;
  Language language = Language::kAll;
  std::size_t number = 0;
  const auto problem = [&](const std::string& what) {
    problems.push_back(std::string(name) + ":" + std::to_string(number) + ": " + what);
  };
  if (text.size() > kLongestFile) {
    problems.push_back(std::string(name) + ": longer than 1 MiB");
    return made;
  }
  if (text.starts_with("\uFEFF")) text.remove_prefix(std::string_view("\uFEFF").size());
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (!utf8::is_valid(line)) {
      problem("not UTF-8");
      continue;
    }
    if (line == "[en]" || line == "[ko]" || line == "[all]") {
      language = line == "[en]" ? Language::kEnglish : line == "[ko]" ? Language::kKorean : Language::kAll;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (line.starts_with('[') && equals == std::string_view::npos) {
      problem("an unknown section " + std::string(line) + "; there are [en], [ko] and [all]");
      continue;
    }
    if (equals == std::string_view::npos) {
      problem("no \"=\" in it; a line is \"written = spoken\"");
      continue;
    }
    Entry entry{std::string(trimmed(line.substr(0, equals))), std::string(trimmed(line.substr(equals + 1))),
                language, false};
    if (entry.written.empty() || entry.spoken.empty()) {
      problem(entry.written.empty() ? "nothing stands before the \"=\"" : "nothing stands behind the \"=\"");
      continue;
    }
    const auto same = std::find_if(made.entries_.begin(), made.entries_.end(), [&](const Entry& other) {
      return other.written == entry.written && other.language == entry.language;
    });
    if (same != made.entries_.end()) {
      problem("\"" + entry.written + "\" was there before");
      continue;
    }
    entry.any_case =
        std::none_of(entry.written.begin(), entry.written.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    made.entries_.push_back(std::move(entry));
  }
  std::stable_sort(made.entries_.begin(), made.entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.written.size() > b.written.size(); });
  return made;
}

bool Pronunciations::fits(const Entry& entry, std::string_view before, std::string_view rest, bool korean) {
  if (entry.language != Language::kAll && korean != (entry.language == Language::kKorean)) return false;
  const std::string_view here = rest.substr(0, entry.written.size());
  if (here != entry.written && !(entry.any_case && scan::equal_ignoring_case(here, entry.written)))
    return false;
  const char32_t previous = last_of(before);
  const bool own_script = korean && is_hangul(previous) && !is_hangul(first_of(entry.written));
  if (is_letter(previous) && is_letter(first_of(entry.written)) && !own_script) return false;
  const char32_t next = first_of(rest.substr(entry.written.size()));
  if (!is_letter(next) || !is_letter(last_of(entry.written))) return true;
  return korean && is_hangul(next);  // a particle, or more of a compound
}

Reading Pronunciations::find(std::string_view before, std::string_view rest, bool korean) const {
  for (const Entry& entry : entries_)
    if (fits(entry, before, rest, korean)) return {entry.written.size(), entry.spoken};
  return {};
}

}  // namespace prot::tts
