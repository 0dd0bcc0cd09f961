#include "curses_screen.hpp"

#define NCURSES_NOMACROS  // functions, so that :: works
#include <curses.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>

namespace prot::top {
namespace {

constexpr std::array kEnding = {SIGTERM, SIGINT, SIGHUP};
constexpr std::array kHeldBack = {SIGTERM, SIGINT, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};
constexpr int kEscapeDelayMs = 25;

constexpr int kMostEmptyReads = 100;  // readable, and nothing comes: the terminal is gone

std::atomic<bool> g_end{false};
std::atomic<bool> g_continued{false};

void note_end(int /*signal*/) { g_end.store(true); }
void note_continue(int /*signal*/) { g_continued.store(true); }

attr_t attribute_of(Style style) {
  switch (style) {
    case Style::kTitle:
    case Style::kBad:
      return A_BOLD;
    case Style::kHeader:
      return A_UNDERLINE;
    case Style::kActiveHeader:
      return A_UNDERLINE | A_BOLD;
    case Style::kSelected:
      return A_REVERSE;
    case Style::kDim:
      return A_DIM;
    default:
      return A_NORMAL;
  }
}

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

int translated(int code) {
  switch (code) {
    case KEY_RESIZE:
      return kKeyResize;
    case KEY_UP:
      return kKeyUp;
    case KEY_DOWN:
      return kKeyDown;
    case KEY_LEFT:
      return kKeyLeft;
    case KEY_RIGHT:
      return kKeyRight;
    case KEY_PPAGE:
      return kKeyPageUp;
    case KEY_NPAGE:
      return kKeyPageDown;
    case KEY_HOME:
      return kKeyHome;
    case KEY_END:
      return kKeyEnd;
    case KEY_BTAB:
      return kKeyBackTab;
    case KEY_F(1):
      return kKeyF1;
    case KEY_ENTER:
    case '\n':
    case '\r':
      return kKeyEnter;
    case KEY_BACKSPACE:
    case 127:
    case 8:
      return kKeyBackspace;
    default:
      return code;
  }
}

}  // namespace

std::unique_ptr<CursesScreen> CursesScreen::open(bool colour) {
  // Before curses looks: it leaves handlers alone that are set already.
  struct sigaction action {};
  action.sa_handler = note_end;
  for (const int number : kEnding) ::sigaction(number, &action, nullptr);
  action.sa_handler = note_continue;
  ::sigaction(SIGCONT, &action, nullptr);
  SCREEN* terminal = ::newterm(nullptr, stdout, stdin);
  if (terminal == nullptr) return nullptr;
  return std::unique_ptr<CursesScreen>(new CursesScreen(terminal, colour));
}

CursesScreen::CursesScreen(void* terminal, bool colour) : terminal_(terminal), colour_(colour) {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int number : kHeldBack) ::sigaddset(&held, number);
  ::sigprocmask(SIG_BLOCK, &held, &outside_);
  waiting_ = outside_;
  for (const int number : kHeldBack) ::sigdelset(&waiting_, number);
  ::set_escdelay(kEscapeDelayMs);
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::curs_set(0);
  colour_ = colour && ::has_colors() == TRUE;
  if (!colour_) return;
  ::start_color();
  ::use_default_colors();
  ::init_pair(1, COLOR_GREEN, -1);
  ::init_pair(2, COLOR_YELLOW, -1);
  ::init_pair(3, COLOR_RED, -1);
}

CursesScreen::~CursesScreen() {
  ::endwin();
  ::delscreen(static_cast<SCREEN*>(terminal_));
  ::sigprocmask(SIG_SETMASK, &outside_, nullptr);
}

void CursesScreen::draw(const Picture& picture) {
  ::werase(stdscr);
  for (std::size_t i = 0; i < picture.size() && i < height(); ++i) {
    const Line& line = picture[i];
    ::wattr_set(stdscr, attribute_of(line.style), colour_ ? pair_of(line.style) : static_cast<short>(0),
                nullptr);
    ::mvwaddstr(stdscr, static_cast<int>(i), 0, line.text.c_str());
  }
  ::wattr_set(stdscr, A_NORMAL, 0, nullptr);
  ::wrefresh(stdscr);
}

int CursesScreen::read_key() {
  const int code = ::wgetch(stdscr);
  return code == ERR ? kKeyNone : translated(code);
}

int CursesScreen::key(int milliseconds) {
  if (const int ready = read_key(); ready != kKeyNone) return ready;  // the rest of what was typed
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const timespec wait{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  const int events = ::ppoll(&input, 1, &wait, &waiting_);
  if (g_end.load()) return kKeyQuit;
  if (g_continued.exchange(false)) {  // whoever had the terminal meanwhile left it otherwise
    ::reset_prog_mode();
    ::clearok(stdscr, TRUE);
  }
  if (events == 0) return kKeyNone;
  const int code = read_key();
  if (code != kKeyNone || events < 0) {  // a signal: curses reports a new size itself
    empty_reads_ = 0;
    return code;
  }
  const bool gone = (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 || ++empty_reads_ > kMostEmptyReads;
  return gone ? kKeyQuit : kKeyNone;
}

std::size_t CursesScreen::width() const { return static_cast<std::size_t>(getmaxx(stdscr)); }
std::size_t CursesScreen::height() const { return static_cast<std::size_t>(getmaxy(stdscr)); }

}  // namespace prot::top
