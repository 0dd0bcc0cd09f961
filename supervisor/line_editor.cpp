#include "line_editor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <histedit.h>
#include <langinfo.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <string_view>

#include "base/unique_fd.hpp"
#include "base/utf8.hpp"
#include "chat_link.hpp"

namespace prot::supervisor {
namespace {

char* prompt(EditLine* /*line*/) {
  static char text[] = "you: ";
  return text;
}

void use_utf8() {
  if (std::setlocale(LC_CTYPE, "") != nullptr && std::string_view(::nl_langinfo(CODESET)) == "UTF-8") return;
  static_cast<void>(std::setlocale(LC_CTYPE, "C.UTF-8"));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

struct LineEditor::Impl {
  explicit Impl(std::string file) : file_name(std::move(file)) {}

  EditLine* editor = nullptr;
  History* history_list = nullptr;
  HistEvent event{};
  std::string file_name;
  std::string pending;  // bytes of a character that is not complete
  std::string last;     // line in the history
  bool interrupted = false;
  bool told = false;  // that the history cannot be kept

  static int read_character(EditLine* line, wchar_t* character);
  void load();
  void keep(const std::string& line);
};

// libedit's own would retry over Ctrl-C.
int LineEditor::Impl::read_character(EditLine* line, wchar_t* character) {
  Impl* self = nullptr;
  ::el_get(line, EL_CLIENTDATA, &self);
  for (;;) {
    while (!CtrlC::wait_readable(STDIN_FILENO)) {
      if (CtrlC::take()) {
        self->interrupted = true;
        return -1;
      }
      if (!CtrlC::take_refresh()) continue;
      ::el_resize(line);
      ::el_set(line, EL_PREP_TERM, 1);
      ::el_set(line, EL_REFRESH);
    }
    char byte = 0;
    const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    self->pending += byte;
    const utf8::Decoded next = utf8::decode(self->pending);
    if (next.cut_short) continue;
    self->pending.clear();
    *character = static_cast<wchar_t>(next.code_point);
    return 1;
  }
}

void LineEditor::Impl::load() {
  std::ifstream file(file_name, std::ios::binary);
  std::deque<std::string> lines;
  std::size_t found = 0;
  for (std::string line; std::getline(file, line); ++found) {
    lines.push_back(utf8::sanitized(line));
    if (lines.size() > static_cast<std::size_t>(kMostKept)) lines.pop_front();
  }
  for (const std::string& line : lines) ::history(history_list, &event, H_ENTER, line.c_str());
  if (!lines.empty()) last = lines.back();
  if (found < 2U * kMostKept) return;  // else only the newest stay, by rename: another chat may append
  const std::string fresh = file_name + ".new";
  const UniqueFd out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  if (out && write_all(out.get(), text)) static_cast<void>(std::rename(fresh.c_str(), file_name.c_str()));
}

void LineEditor::Impl::keep(const std::string& line) {
  if (line == last || line.find_first_not_of(" \t") == std::string::npos) return;
  last = line;
  ::history(history_list, &event, H_ENTER, line.c_str());
  const UniqueFd out(::open(file_name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if ((out && write_all(out.get(), line + "\n")) || told) return;
  told = true;
  fmt::print(stderr, "prot: {}: {}; the history is not kept\n", file_name, std::strerror(errno));
}

LineEditor::LineEditor(std::string history_file) : impl_(std::make_unique<Impl>(std::move(history_file))) {
  use_utf8();
  impl_->history_list = ::history_init();
  ::history(impl_->history_list, &impl_->event, H_SETSIZE, kMostKept);
  impl_->load();
  impl_->editor = ::el_init("prot", stdin, stdout, stderr);
  ::el_set(impl_->editor, EL_CLIENTDATA, impl_.get());
  ::el_set(impl_->editor, EL_PROMPT, &prompt);
  ::el_set(impl_->editor, EL_EDITOR, "emacs");
  ::el_set(impl_->editor, EL_HIST, &::history, impl_->history_list);
  ::el_set(impl_->editor, EL_GETCFN, &Impl::read_character);
}

LineEditor::~LineEditor() {
  ::el_end(impl_->editor);  // the terminal is as it was
  ::history_end(impl_->history_list);
}

LineEditor::Got LineEditor::read(std::string& line) {
  int count = 0;
  impl_->interrupted = false;
  impl_->pending.clear();
  ::el_set(impl_->editor, EL_PREP_TERM, 1);  // before the prompt, so that what is typed at it is edited
  const char* const text = ::el_gets(impl_->editor, &count);
  if (impl_->interrupted) return Got::kInterrupted;
  if (text == nullptr || count <= 0) return Got::kEnd;
  line = utf8::sanitized(text);
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  impl_->keep(line);
  return Got::kLine;
}

}  // namespace prot::supervisor
