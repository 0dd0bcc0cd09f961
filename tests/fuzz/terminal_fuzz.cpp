// What supervisor reads of programs and shows in a terminal: a line of a log is taken whole or as other
// words, and nothing that is shown commands the terminal.
#include <algorithm>

#include "base/terminal_words.hpp"
#include "supervisor/log_line.hpp"
#include "supervisor/terminal_text.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using supervisor::TerminalText;

namespace {

void harmless(std::string_view text, bool with_lines) {
  require(utf8::is_valid(text), "what is shown is text");
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    const bool stays = with_lines && (next.code_point == U'\n' || next.code_point == U'\t');
    require(stays || !steers_terminal(next.code_point), "nothing commands the terminal");
    text.remove_prefix(next.length);
  }
}

bool is_plain(std::string_view text) {
  for (; !text.empty(); text.remove_prefix(utf8::decode(text).length))
    if (const char32_t c = utf8::decode(text).code_point; steers_terminal(c) && c != U'\n' && c != U'\t')
      return false;
  return true;
}

void check_text(std::string_view input) {
  TerminalText filter;
  const std::string shown = filter.push(input);
  harmless(shown, true);
  require(std::count(shown.begin(), shown.end(), '\n') == std::count(input.begin(), input.end(), '\n'),
          "no line end is lost, and none comes");
  require(filter.push("\nx") == "\nx", "what began is over with its line");
  require(TerminalText().push(shown) == shown, "what is harmless stays");
  if (is_plain(input)) require(shown == utf8::sanitized(input), "text is shown as it is");
  TerminalText other;
  std::string pieces;
  while (!input.empty()) {  // characters come whole
    const std::size_t length = utf8::decode(input).length;
    pieces += other.push(input.substr(0, length));
    input.remove_prefix(length);
  }
  require(pieces == shown, "pieces say the same");
}

void check_words(std::string_view line) {
  harmless(shown_line(line), false);
  harmless(shown_lines(line), true);
  (void)supervisor::level_of_foreign(line);
  if (is_json(line)) require(is_json(shown_json(line)), "JSON stays JSON");
}

void check_log(std::string_view line) {
  const std::optional<LogRecord> record = supervisor::parse_log_line(line);
  if (!record) return;
  require(record->wall_ns != 0 && record->fields.size() <= 32, "a record has its time, and is bounded");
  for (const LogField& field : record->fields) require(is_json(field.json), "a field is JSON");
  harmless(to_text(*record, false), false);
  const std::string again = to_json(*record);
  require(again.size() < kLongestLogLine && again.find('\n') == std::string::npos, "a line stays one line");
  const std::optional<LogRecord> copy = supervisor::parse_log_line(again);
  require(copy.has_value(), "what is written can be read");
  require(copy->wall_ns == record->wall_ns && copy->mono_ns == record->mono_ns &&
              copy->level == record->level && copy->pid == record->pid &&
              copy->generation == record->generation && copy->turn == record->turn,
          "and says the same");
  require(to_json(*copy) == again, "again and again");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = text_of(data, size);
  check_text(input);
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    check_words(line);
    check_log(line);
  }
  return 0;
}
