#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace prot::top {

/// stdout for lines that programs read. Not thread-safe. One per process: it takes the ending signals.
class Output {
 public:
  Output();

  /// One line; false: nobody reads any more, which is no error. Throws Error when it cannot be written.
  [[nodiscard]] bool print(std::string_view line);
  [[nodiscard]] bool flush();
  /// Until `deadline`; false: a signal asks to end.
  [[nodiscard]] bool wait_until(Nanos deadline) const;

 private:
  [[nodiscard]] static bool failed();
  UniqueFd signals_;
};

}  // namespace prot::top
