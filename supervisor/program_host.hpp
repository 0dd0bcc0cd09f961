#pragma once

#include <string>
#include <string_view>

#include "process_sys.hpp"

namespace prot::supervisor {

class Program;

/// Who is told what happens to programs. Calls come from inside Program's methods and the event loop.
class ProgramHost {
 public:
  virtual ~ProgramHost() = default;
  /// The state changed. `note`: one line for the user, or empty.
  virtual void on_state(Program& program, const std::string& note) = 0;
  /// Right before the program's own process of a new generation is started: the rings' pages.
  virtual void on_generation(Program& program) = 0;
  /// Its process was collected.
  virtual void on_death(Program& program, const ExitStatus& status) = 0;
  /// Bytes of its stdout and stderr, not yet lines.
  virtual void on_output(Program& program, std::string_view bytes) = 0;
  [[nodiscard]] virtual bool draining() const = 0;
};

}  // namespace prot::supervisor
