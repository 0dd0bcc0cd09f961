#include "loudspeaker.hpp"

#include <utility>

namespace prot::brain {

void Loudspeaker::look(const ipc::PlaybackPage& played, Nanos now) noexcept {
  const std::uint64_t mark =
      (static_cast<std::uint64_t>(played.segment.load()) << 40U) + played.samples_heard.load();
  if (mark != std::exchange(mark_, mark)) progress_at_ = now;
}

void Loudspeaker::audible(Nanos at) noexcept {
  audible_at_ = last_from_ = at;
  last_to_ = 0;
}

void Loudspeaker::over(Nanos now) noexcept {
  if (audible_at_ != 0) last_to_ = now;
  audible_at_ = 0;
}

bool Loudspeaker::overlaps(Nanos speech_start) const noexcept {
  if (last_from_ == 0 || speech_start < last_from_) return false;
  return last_to_ == 0 || speech_start <= last_to_ + kRoom;
}

}  // namespace prot::brain
