#pragma once

#include <sys/types.h>

#include <string>

#include "tests/support/temp_folder.hpp"

namespace prot::test {

/// A PulseAudio server of this test's own, without hardware and without a user's session: the sinks "speaker"
/// (default) and "micsrc", and the source "mic" (default), which hears what is played on micsrc.
/// "speaker.monitor" hears what is played on speaker. The server ends with the object and with the test.
class PrivatePulse {
 public:
  /// Throws Error when it does not come up.
  PrivatePulse();
  PrivatePulse(const PrivatePulse&) = delete;
  PrivatePulse& operator=(const PrivatePulse&) = delete;
  ~PrivatePulse();

  /// Is the program there at all?
  [[nodiscard]] static bool installed();
  /// For PulseOptions::server and PULSE_SERVER.
  [[nodiscard]] std::string server() const { return "unix:" + socket(); }

 private:
  [[nodiscard]] std::string socket() const { return (folder_.path() / "native").string(); }

  TempFolder folder_;
  pid_t pid_ = -1;
};

}  // namespace prot::test
