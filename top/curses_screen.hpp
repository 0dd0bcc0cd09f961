#pragma once

#include <csignal>
#include <memory>

#include "screen.hpp"

namespace prot::top {

/// The terminal, by ncursesw. One per process at a time; restores the terminal in the destructor, also on an
/// exception, on the ending signals, and while the process is stopped (Ctrl-Z).
class CursesScreen final : public Screen {
 public:
  /// Null: there is no terminal that curses knows.
  [[nodiscard]] static std::unique_ptr<CursesScreen> open(bool colour);
  CursesScreen(const CursesScreen&) = delete;
  CursesScreen& operator=(const CursesScreen&) = delete;
  ~CursesScreen() override;

  void draw(const Picture& picture) override;
  [[nodiscard]] int key(int milliseconds) override;
  [[nodiscard]] std::size_t width() const override;
  [[nodiscard]] std::size_t height() const override;

 private:
  CursesScreen(void* terminal, bool colour);
  [[nodiscard]] int read_key();

  void* terminal_;
  bool colour_;
  int empty_reads_ = 0;
  sigset_t waiting_{};  // signals are taken only while it waits for a key, so none is missed before
  sigset_t outside_{};
};

}  // namespace prot::top
