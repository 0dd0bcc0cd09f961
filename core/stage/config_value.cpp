// The values of the configuration: types, ranges, choices, spelling.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>
#include <vector>

#include "base/error.hpp"
#include "base/host_name.hpp"
#include "base/utf8.hpp"
#include "json/json.hpp"
#include "stage/config_keys.hpp"

namespace prot::stage {
namespace {

constexpr std::size_t kLongestShown = 80;  // of a wrong value, in a message

// Edit distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string number_text(double number) {
  std::array<char, 32> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return {buffer.data(), result.ptr};
}

std::string range_text(const ConfigKey& key, int scale = 1) {
  std::ostringstream range;
  range << key.minimum / scale << " to " << key.maximum / scale;
  if (scale == 1) range << " " << key.unit;
  return range.str();
}

std::string quoted(const ConfigKey& key, std::string_view text) {
  if (key.secret) return "what it is";
  if (text.size() <= kLongestShown) return "'" + shown_text(text) + "'";
  return "'" + shown_text(text.substr(0, kLongestShown)) + "...'";
}

[[noreturn]] void refuse(const ConfigKey& key, std::string_view text, const std::string& wanted) {
  throw UsageError(std::string(key.name) + " must be " + wanted + ", not " + quoted(key, text));
}

std::string bool_value(const ConfigKey& key, std::string_view text) {
  const std::string word = lower(text);
  if (has_word("true 1 yes on t y", word)) return "true";
  if (has_word("false 0 no off f n", word)) return "false";
  refuse(key, text, "true or false");
}

std::string number_value(const ConfigKey& key, std::string_view text, int scale) {
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = key.type == ConfigType::kInt && scale == 1;
  if (text.empty() || result.ec == std::errc::invalid_argument || result.ptr != text.data() + text.size() ||
      std::isnan(number) || (whole && text.find_first_of(".eE") != std::string_view::npos))
    refuse(key, text, whole ? "a whole number" : "a number");
  number *= scale;
  if (key.type == ConfigType::kInt) number = std::round(number);
  // A number that no double can hold is far out of any range.
  if (result.ec != std::errc{} || number < key.minimum || number > key.maximum)
    throw UsageError(std::string(key.name) + " = " + std::string(text) +
                     " is out of range: " + range_text(key, scale));
  return key.type == ConfigType::kInt ? std::to_string(std::lround(number)) : number_text(number);
}

std::string known_choices(const ConfigKey& key) {
  std::string known;
  for (const std::string_view choice : split(key.choices, ' '))
    known += (known.empty() ? "" : ", ") + std::string(choice.substr(0, choice.find('|')));
  return known;
}

std::string choice_value(const ConfigKey& key, std::string_view text) {
  const std::string word = lower(text);
  for (const std::string_view choice : split(key.choices, ' ')) {
    const auto spellings = split(choice, '|');
    if (std::find(spellings.begin(), spellings.end(), word) != spellings.end())
      return std::string(spellings.front());
  }
  refuse(key, text, "one of " + known_choices(key));
}

// Of a closed set a word alone is a list of one, "none" an empty one: those keys took one word once.
std::string word_as_list(const ConfigKey& key, std::string_view text) {
  if (text == "none") return "[]";
  return json::Writer().begin_array().value(choice_value(key, text)).end_array().str();
}

// What no request can ever have is a mistake that would be found out by a 403 only.
void check_element(const ConfigKey& key, std::string_view text) {
  if (key.unit == "origins" && !is_origin(text))
    refuse(
        key, text,
        "a list of origins as browsers send them (http://NAME or http://NAME:PORT, lower case, no path; not "
        "null, which any page can be)");
  if (key.unit == "hosts" && host_name(text).empty())
    refuse(key, text, "a list of names and addresses (no http://, no path, no *)");
}

std::string list_value(const ConfigKey& key, std::string_view text) {
  if (!key.choices.empty() && !text.starts_with('[')) return word_as_list(key, text);
  const std::string wanted = R"(a list of texts, as in ["one", "two"])";
  json::Document document;
  try {
    document = json::parse(text);
  } catch (const Error& e) {
    throw UsageError(std::string(key.name) + " must be " + wanted + ", not " + quoted(key, text) + ": " +
                     e.what());
  }
  const json::View root = document.root();
  if (!root.is_array()) refuse(key, text, wanted);
  json::Writer out;
  out.begin_array();
  for (std::size_t i = 0; i < root.size(); ++i) {
    if (!root.at(i).is_string())
      throw UsageError(std::string(key.name) + " must be " + wanted + "; element " + std::to_string(i + 1) +
                       " is no text: " + root.at(i).to_json());
    const std::string_view element = root.at(i).as_string();
    check_element(key, element);
    out.value(key.choices.empty() ? std::string(element) : choice_value(key, element));
  }
  return out.end_array().str();
}

}  // namespace

const ConfigKey* find_key(std::string_view name) noexcept {
  for (const ConfigKey& key : config_keys())
    if (key.name == name) return &key;
  return nullptr;
}

std::string nearest_key(std::string_view name) {
  // A name without its section, or with a wrong one, is near to the name behind the dot.
  const auto far = [name](const ConfigKey& key) {
    const std::string_view tail = key.name.substr(key.name.find('.') + 1);
    const std::string_view own = name.substr(name.find('.') + 1);
    return std::min(distance(key.name, name), distance(tail, own) + 1);
  };
  const auto keys = config_keys();
  const auto best = std::min_element(keys.begin(), keys.end(),
                                     [&](const ConfigKey& a, const ConfigKey& b) { return far(a) < far(b); });
  return std::string(best->name);
}

std::string nearest_section(std::string_view name) {
  const auto section = [](const ConfigKey& key) { return key.name.substr(0, key.name.find('.')); };
  const auto keys = config_keys();
  const auto best = std::min_element(keys.begin(), keys.end(), [&](const ConfigKey& a, const ConfigKey& b) {
    return distance(section(a), name) < distance(section(b), name);
  });
  return std::string(section(*best));
}

bool has_word(std::string_view list, std::string_view word) noexcept {
  while (!list.empty()) {
    const std::size_t end = list.find(' ');
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  return false;
}

std::string config_value(const ConfigKey& key, std::string_view text, int scale) {
  if (text.find('\0') != std::string_view::npos || !utf8::is_valid(text))
    refuse(key, text, "UTF-8 text without NUL");
  switch (key.type) {
    case ConfigType::kBool:
      return bool_value(key, text);
    case ConfigType::kInt:
    case ConfigType::kDouble:
      return number_value(key, text, scale);
    case ConfigType::kList:
      return list_value(key, text);
    case ConfigType::kTables:
      return tables_value(key, text);
    case ConfigType::kString:
      break;
  }
  return key.choices.empty() ? std::string(text) : choice_value(key, text);
}

std::string describe_type(const ConfigKey& key) {
  switch (key.type) {
    case ConfigType::kBool:
      return "true or false";
    case ConfigType::kInt:
      return "whole number, " + range_text(key);
    case ConfigType::kDouble:
      return "number, " + range_text(key);
    case ConfigType::kList:
      if (!key.unit.empty()) return "list of " + std::string(key.unit);
      return key.choices.empty() ? "list of texts" : "list of " + known_choices(key);
    case ConfigType::kTables: {
      std::string known;
      for (const std::string_view field : split(key.fields, ' '))
        known += (known.empty() ? "" : ", ") + std::string(field.substr(0, field.find_first_of("[!")));
      return "list of tables with " + known;
    }
    case ConfigType::kString:
      break;
  }
  return key.choices.empty() ? "text" : known_choices(key);
}

}  // namespace prot::stage
