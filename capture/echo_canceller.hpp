#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "wire/speech_in.hpp"

namespace prot::capture {

/// 10 ms: what a canceller takes at once.
inline constexpr std::size_t kEchoBlock = wire::kMicRate / 100;

/// Removes from the microphone what the loudspeaker said, and nothing else.
/// One thread at a time. process() is RT safe; the others may allocate.
class EchoCanceller {
 public:
  virtual ~EchoCanceller() = default;
  /// `near`: what the microphone heard; then what is left of it, delay() samples later. `far`: what the
  /// loudspeaker played about then. Both streams go on without a gap.
  virtual void process(std::span<std::int16_t, kEchoBlock> near,
                       std::span<const std::int16_t, kEchoBlock> far) noexcept = 0;
  /// Another microphone: forgets the room.
  virtual void reset() noexcept = 0;
  /// Samples that the output lags behind the input.
  [[nodiscard]] virtual std::size_t delay() const noexcept = 0;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
};

/// Makes "webrtc"; null for "none". Throws Error (exit code 78) for one that is known and not built in,
/// UsageError for an unknown name.
[[nodiscard]] std::unique_ptr<EchoCanceller> make_echo_canceller(std::string_view name);
/// The cancellers that are built in.
[[nodiscard]] std::vector<std::string_view> echo_canceller_names();

}  // namespace prot::capture
