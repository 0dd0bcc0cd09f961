#include "screen.hpp"

#define NCURSES_NOMACROS  // functions, so that :: works
#include <curses.h>

#include <array>
#include <clocale>

namespace prot::top {
namespace {
// Colour pair of each style; 0 is the terminal's own.
short pair_of(Style style) {
  switch (style) {
    case Style::kGood:
      return 1;
    case Style::kWarn:
      return 2;
    case Style::kBad:
      return 3;
    default:
      return 0;
  }
}

attr_t attribute_of(Style style) {
  switch (style) {
    case Style::kTitle:
      return A_BOLD;
    case Style::kHeader:
      return A_REVERSE;
    case Style::kDim:
      return A_DIM;
    case Style::kBad:
      return A_BOLD;
    default:
      return A_NORMAL;
  }
}
}  // namespace

Screen::Screen(bool colour) : colour_(colour) {
  std::setlocale(LC_ALL, "");
  ::initscr();
  ::cbreak();
  ::noecho();
  ::keypad(stdscr, TRUE);
  ::curs_set(0);
  colour_ = colour && ::has_colors() == TRUE;
  if (!colour_) return;
  ::start_color();
  ::use_default_colors();
  ::init_pair(1, COLOR_GREEN, -1);
  ::init_pair(2, COLOR_YELLOW, -1);
  ::init_pair(3, COLOR_RED, -1);
}

Screen::~Screen() { ::endwin(); }

void Screen::draw(const std::vector<Line>& lines, const std::string& footer) {
  ::werase(stdscr);
  if (width() < 40 || height() < 6) {
    ::mvwaddnstr(stdscr, 0, 0, "terminal too small", static_cast<int>(width()));
    ::wrefresh(stdscr);
    return;
  }
  const std::size_t room = height() - 1;
  for (std::size_t i = 0; i < lines.size() && i < room; ++i) {
    const attr_t attribute = attribute_of(lines[i].style);
    const short pair = colour_ ? pair_of(lines[i].style) : static_cast<short>(0);
    ::wattr_set(stdscr, attribute, pair, nullptr);
    ::mvwaddnstr(stdscr, static_cast<int>(i), 0, lines[i].text.c_str(), static_cast<int>(width()));
  }
  ::wattr_set(stdscr, A_DIM, 0, nullptr);
  ::mvwaddnstr(stdscr, static_cast<int>(room), 0, footer.c_str(), static_cast<int>(width()));
  ::wattr_set(stdscr, A_NORMAL, 0, nullptr);
  ::wrefresh(stdscr);
}

int Screen::key(int milliseconds) {
  ::wtimeout(stdscr, milliseconds);
  const int code = ::wgetch(stdscr);
  if (code == KEY_RESIZE) return kResize;
  return code == ERR ? -1 : code;
}

std::string Screen::ask(const std::string& question) {
  std::array<char, 64> answer{};
  ::wtimeout(stdscr, -1);
  ::echo();
  ::wmove(stdscr, static_cast<int>(height()) - 1, 0);
  ::wclrtoeol(stdscr);
  ::waddstr(stdscr, question.c_str());
  ::wgetnstr(stdscr, answer.data(), static_cast<int>(answer.size()) - 1);
  ::noecho();
  return answer.data();
}

std::size_t Screen::width() const { return static_cast<std::size_t>(COLS); }
std::size_t Screen::height() const { return static_cast<std::size_t>(LINES); }

}  // namespace prot::top
