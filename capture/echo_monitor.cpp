#include "echo_monitor.hpp"

#include <array>

#include "audio/level.hpp"
#include "base/copy_bytes.hpp"
#include "wire/speech_out.hpp"

namespace prot::capture {
namespace {

constexpr double kAudible = -50;                 // dBFS
constexpr Nanos kRoomTail = 300 * kMillisecond;  // reverberation, and the latency of both devices

}  // namespace

int EchoMonitor::drain(EchoRemover* remover) {
  int frames = 0;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (echo_.peek(info, payload) == ipc::TakeResult::kFrame) {
    ++frames;
    wire::Echo head{};
    std::span<const std::byte> tail;
    if (wire::decode(info, payload, head, tail)) {
      if (remover != nullptr) {
        if ((info.flags & ipc::kFlagRestarted) != 0) remover->unlearn();
        remover->far_end().play(tail, head.sample_rate, info.made_ns, (info.flags & ipc::kFlagResync) != 0);
      }
      if (head.count == 0) {
        plays_ = announced_ = true;
        announced_turn_ = info.turn;
        expects_until_ = std::max(expects_until_, info.made_ns + kPromise);
      }
      // A copy: the tail of a frame is not aligned for samples. Its first part tells the level well enough.
      std::array<std::int16_t, 1024> samples{};
      const std::size_t count = std::min(samples.size(), tail.size() / sizeof(std::int16_t));
      copy_bytes(samples.data(), tail.data(), count * sizeof(std::int16_t));
      const double level = audio::rms_dbfs(std::span(samples).first(count));
      const Nanos length =
          head.sample_rate > 0 ? static_cast<Nanos>(tail.size() / 2) * kSecond / head.sample_rate : 0;
      if (head.count > 0) {
        // Silence of its own is what player ends with; that of a device that was just opened comes before.
        const bool silent = level <= audio::kSilenceDbfs;
        if (!silent) announced_ = false;
        plays_ = !silent || announced_;
        expects_until_ = std::max(expects_until_, info.made_ns + length + kPromise);
      }
      if (level > kAudible) audible_until_ = std::max(audible_until_, info.made_ns + length + kRoomTail);
    }
    echo_.release();
  }
  return frames;
}

bool EchoMonitor::audible(Nanos now, Nanos late) const noexcept { return now < audible_until_ + late; }

}  // namespace prot::capture
