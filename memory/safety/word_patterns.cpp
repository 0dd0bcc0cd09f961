#include "safety/word_patterns.hpp"

namespace prot::memory {
namespace {

bool fits_one(std::string_view word, std::string_view form) noexcept {
  const bool open_begin = form.starts_with('*');
  const bool open_end = form.size() > 1 && form.ends_with('*');
  if (open_begin) form.remove_prefix(1);
  if (open_end) form.remove_suffix(1);
  if (open_begin && open_end) return word.find(form) != std::string_view::npos;
  if (open_begin) return word.ends_with(form);
  return open_end ? word.starts_with(form) : word == form;
}

std::string_view take(std::string_view& row, char separator) noexcept {
  const std::size_t end = row.find(separator);
  const std::string_view first = row.substr(0, end);
  row.remove_prefix(end == std::string_view::npos ? row.size() : end + 1);
  return first;
}

bool fits_from(std::span<const std::string> words, std::string_view pattern) {
  if (pattern.empty()) return true;
  std::string_view rest = pattern;
  std::string_view step = take(rest, ' ');
  std::size_t gap = 0;
  if (step.starts_with('~')) {
    gap = static_cast<std::size_t>(step[1] - '0');
    step = take(rest, ' ');
  }
  for (std::size_t skip = 0; skip <= gap && skip < words.size(); ++skip)
    if (fits_step(words[skip], step) && fits_from(words.subspan(skip + 1), rest)) return true;
  return false;
}

}  // namespace

bool fits_step(std::string_view word, std::string_view step) noexcept {
  while (!step.empty())
    if (fits_one(word, take(step, '|'))) return true;
  return false;
}

bool has_pattern(std::span<const std::string> words, std::string_view pattern) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (fits_from(words.subspan(i), pattern)) return true;
  return false;
}

}  // namespace prot::memory
