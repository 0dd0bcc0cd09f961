#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming)
class App;
}

namespace prot::top {

struct Options {
  std::string instance = "default";
  bool batch = false;
  bool json = false;
  bool once = false;
  bool no_colour = false;
  bool ascii = false;
  int iterations = 0;  // 0: for ever
  double delay = 1.0;  // seconds
  std::string sort;    // title of a column
  std::string ring;    // with tail
  bool tail = false;
  bool waiting = false;  // begin with the frames that wait in the ring
  bool content = false;
};

/// Names every option of the program; prot-top(1) explains each, and a test compares the two.
void describe(CLI::App& app, Options& options);

}  // namespace prot::top
