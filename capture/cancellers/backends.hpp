#pragma once

#include <memory>

#include "echo_canceller.hpp"

/// What each backend's file offers to the registry.
namespace prot::capture {

/// As measured; the fields are there for who measures again.
struct WebRtcOptions {
  bool extended = true;         // a filter of 128 instead of 48 ms
  bool delay_agnostic = false;  // finds the delay by itself: slower than our clocks
  int suppression = 1;          // of what the filter leaves: 0 low .. 2 high, which costs the person too
  int noise = 1;                // suppression of noise: -1 none, 0 low .. 3 very high
  bool high_pass = true;
  int delay_ms = 60;  // that is stated; right for echoes that come 0 to 120 ms late
};

[[nodiscard]] std::unique_ptr<EchoCanceller> make_webrtc_canceller(const WebRtcOptions& options = {});

}  // namespace prot::capture
