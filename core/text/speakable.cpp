#include "text/speakable.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "text/utf8.hpp"

namespace prot::text {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool starts_with_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("www.");
}

/// "https://www.example.com/path?x" -> "example.com".
std::string_view host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  if (url.starts_with("www.")) url.remove_prefix(4);
  return url.substr(0, url.find_first_of("/?#"));
}

std::string without_fences(std::string_view text) {
  std::string out;
  while (true) {
    const auto open = text.find("```");
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    out += '\n';
    const auto close = text.find("```", open + 3);
    if (close == std::string_view::npos) return out;
    text.remove_prefix(close + 3);
  }
}

/// Takes off what marks a line as heading, quotation or list item.
std::string_view without_line_mark(std::string_view line) {
  const auto skip_blanks = [&] {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  };
  skip_blanks();
  while (line.starts_with('>')) {
    line.remove_prefix(1);
    skip_blanks();
  }
  if (line.starts_with('#')) {
    line.remove_prefix(std::min(line.find_first_not_of('#'), line.size()));
    skip_blanks();
  }
  if (line.starts_with("- ") || line.starts_with("* ") || line.starts_with("+ ")) line.remove_prefix(2);
  return line;
}

class LineSpeaker {
 public:
  explicit LineSpeaker(std::string& out) : out_(out) {}

  void speak(std::string_view line) {
    const bool table = line.starts_with('|');
    if (line.find_first_not_of("|:-=_* \t") == std::string_view::npos) return;  // a rule, or a table's ruler
    while (!line.empty()) {
      const std::size_t used = link(line);
      if (used > 0) {
        line.remove_prefix(used);
        continue;
      }
      const utf8::Decoded next = utf8::decode(line);
      const std::string_view rest = line.substr(next.length);
      character(next.code_point, rest, table);
      line = rest;
    }
    space();
  }

 private:
  /// Speaks the link at the start of `text`, if there is one; returns its length.
  std::size_t link(std::string_view text) {
    const std::size_t mark = text.starts_with("![") ? 2 : text.starts_with("[") ? 1 : 0;
    if (mark > 0) {
      const auto middle = text.find("](");
      const auto end = middle == std::string_view::npos ? middle : text.find(')', middle);
      if (end == std::string_view::npos ||
          text.substr(mark, middle - mark).find('[') != std::string_view::npos)
        return 0;
      for (std::string_view label = text.substr(mark, middle - mark); !label.empty();) {
        const utf8::Decoded next = utf8::decode(label);
        label.remove_prefix(next.length);
        character(next.code_point, label, false);
      }
      return end + 1;
    }
    const std::size_t bracket = text.starts_with('<') ? 1 : 0;
    if (!starts_with_url(text.substr(bracket))) return 0;
    if (!out_.empty() && bracket == 0 && static_cast<unsigned char>(out_.back()) < 0x80 &&
        std::isalnum(static_cast<unsigned char>(out_.back())) != 0)
      return 0;
    std::size_t end = std::min(text.find_first_of(" \t<>\"')]", bracket), text.size());
    while (end > bracket && std::string_view(".,;:!?").find(text[end - 1]) != std::string_view::npos) --end;
    out_.append(host_of(text.substr(bracket, end - bracket)));
    return bracket == 1 && end < text.size() && text[end] == '>' ? end + 1 : end;
  }

  void character(char32_t c, std::string_view rest, bool table) {
    const bool word_before = !out_.empty() && out_.back() != ' ';
    const bool word_after = !rest.empty() && rest.front() != ' ';
    if (is_space(c)) return space();
    if (c < 0x20 || c == 0x7F || c == 0x200B || c == 0xFEFF || is_emoji(c) || c == utf8::kReplacement) return;
    const bool digits = !out_.empty() && is_digit(out_.back()) && !rest.empty() && is_digit(rest.front());
    if (c == U'`' || (c == U'*' && !digits && (word_before || word_after))) return;
    if (c == U'_' && !(word_before && word_after)) return;
    if (c == U'~' && !(word_before && !rest.empty() && is_digit(rest.front()))) return span(rest);
    if (c == U'|' && table) {
      while (!out_.empty() && out_.back() == ' ') out_.pop_back();
      if (!out_.empty() && out_.back() != ',' && !rest.empty()) out_ += ',';
      return space();
    }
    utf8::append(out_, c);
  }

  /// "3 ~ 5" is a span of numbers: "3~5". Any other tilde is left out.
  void span(std::string_view rest) {
    const std::size_t number = std::min(rest.find_first_not_of(' '), rest.size());
    const std::size_t last = out_.find_last_not_of(' ');
    if (number == rest.size() || !is_digit(rest[number]) || last == std::string::npos ||
        !is_digit(out_[last]))
      return;
    out_.resize(last + 1);
    out_ += '~';
  }

  void space() {
    if (!out_.empty() && out_.back() != ' ' && out_.back() != '~') out_ += ' ';
  }

  std::string& out_;
};

}  // namespace

std::string speakable(std::string_view text) {
  const std::string prose = without_fences(text);
  std::string out;
  LineSpeaker speaker(out);
  for (std::string_view rest = prose; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    speaker.speak(without_line_mark(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  if (out.find_first_not_of(" .,;:!?-\"'()[]") == std::string::npos)
    out.clear();  // marks alone are not speech
  return out;
}

}  // namespace prot::text
