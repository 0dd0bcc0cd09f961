#include "env_file.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/error.hpp"
#include "stage/config_file.hpp"

namespace prot::supervisor {
namespace {

constexpr std::string_view kSpace = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Behind the closing quote only a comment may stand.
void check_rest(std::string_view rest) {
  const std::string_view text = trimmed(rest);
  if (!text.empty() && (text[0] != '#' || text.data() == rest.data()))
    throw UsageError("there is text behind the closing quote");
}

std::string single_quoted(std::string_view text) {
  const std::size_t end = text.find('\'', 1);
  if (end == std::string_view::npos) throw UsageError("the quote ' is not closed");
  check_rest(text.substr(end + 1));
  return std::string(text.substr(1, end - 1));
}

std::string double_quoted(std::string_view text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      check_rest(text.substr(i + 1));
      return value;
    }
    if (text[i] != '\\' || i + 1 == text.size()) {
      value += text[i];
      continue;
    }
    const char next = text[++i];
    switch (next) {
      case 'n':
        value += '\n';
        break;
      case 't':
        value += '\t';
        break;
      case 'r':
        value += '\r';
        break;
      case '\\':
      case '"':
      case '$':
        value += next;
        break;
      default:
        value += '\\';
        value += next;
    }
  }
  throw UsageError("the quote \" is not closed");
}

std::string unquoted(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i)
    if (text[i] == '#' && kSpace.find(text[i - 1]) != std::string_view::npos)
      return std::string(trimmed(text.substr(0, i)));
  return std::string(trimmed(text));
}

EnvEntry parse_line(std::string_view text) {
  if (text.starts_with("export") && text.size() > 6 && kSpace.find(text[6]) != std::string_view::npos)
    text = trimmed(text.substr(6));
  const std::size_t equals = text.find('=');
  // The line is not repeated: it may hold a secret.
  if (equals == std::string_view::npos) throw UsageError("expected NAME=value");
  const std::string_view name = trimmed(text.substr(0, equals));
  if (!is_name(name)) throw UsageError("a name has letters, digits and _, and begins with no digit");
  const std::string_view raw = text.substr(equals + 1);
  const std::string_view value = trimmed(raw);
  EnvEntry entry{std::string(name), {}, 0};
  if (value.empty()) return entry;
  entry.value = value[0] == '\''  ? single_quoted(value)
                : value[0] == '"' ? double_quoted(value)
                                  : unquoted(raw);
  return entry;
}

}  // namespace

const EnvEntry* EnvFile::find(std::string_view name) const noexcept {
  const auto last = std::find_if(entries.rbegin(), entries.rend(),
                                 [&](const EnvEntry& entry) { return entry.name == name; });
  return last == entries.rend() ? nullptr : &*last;
}

std::vector<EnvEntry> parse_env(const std::string& path, std::string_view text,
                                std::vector<std::string>& errors) {
  std::vector<EnvEntry> entries;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    try {
      if (line.find('\r') != std::string_view::npos)
        throw UsageError("a carriage return within the line: lines end with LF or CR LF");
      entries.push_back(parse_line(line));
      entries.back().line = number;
    } catch (const UsageError& e) {
      errors.push_back(path + ":" + std::to_string(number) + ": " + e.what());
    }
  }
  return entries;
}

EnvFile read_env_file(const std::string& path, bool required, std::vector<std::string>& errors) {
  EnvFile file;
  struct stat info {};
  const bool there = !path.empty() && ::stat(path.c_str(), &info) == 0;
  if (!required && (!there || S_ISDIR(info.st_mode))) return file;
  try {
    std::string text;
    if (!stage::read_text_file(path, text)) throw UsageError(path + ": is not there");
    file.path = path;
    file.entries = parse_env(path, text, errors);
    file.readable_by_others = (info.st_mode & (S_IRGRP | S_IROTH)) != 0;
  } catch (const UsageError& e) {
    errors.emplace_back(e.what());
  }
  return file;
}

}  // namespace prot::supervisor
