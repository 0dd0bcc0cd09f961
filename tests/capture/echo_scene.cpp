#include "tests/capture/echo_scene.hpp"

#include <algorithm>

namespace prot::capture {
namespace {

constexpr Nanos kWindowTime = wire::kMicWindow * kSecond / wire::kMicRate;
constexpr std::size_t kFrame = wire::kMicRate / 100;
// That player tells in advance: its buffer, its silence, and a window's length, which is over at once here.
constexpr Nanos kAhead = 100 * kMillisecond;

}  // namespace

class EchoScene::Feed final : public WindowFeed {
 public:
  explicit Feed(Device& device) : device_(device) {}
  void start(bool /*patient*/) override {}
  bool pop(Window& window) noexcept override {
    if (device_.windows.empty()) return false;
    window = device_.windows.front();
    device_.windows.pop_front();
    return true;
  }
  FeedStatus status() const override { return {"room", true, 0, 0}; }
  std::uint64_t revision() const noexcept override { return 1; }
  void close() noexcept override {}
  bool closed() const noexcept override { return true; }

 private:
  Device& device_;
};

EchoScene::EchoScene(const Options& options, std::unique_ptr<VoiceDetector> detector,
                     std::unique_ptr<EchoCanceller> canceller)
    : run_("capture", clock_, options.overrides),
      room_(options.room),
      context_(run_.attach()),
      stage_(std::make_unique<CaptureStage>(*context_, std::make_unique<Feed>(device_), std::move(detector),
                                            nullptr, std::move(canceller))),
      stamp_error_(options.stamp_error) {
  stage_->start();
}

void EchoScene::announce(std::span<const std::int16_t> far, Nanos began) {
  for (; announced_ + kFrame <= far.size(); announced_ += kFrame) {
    const Nanos at = began + audio::frames_to_nanos(static_cast<std::int64_t>(announced_), wire::kMicRate);
    if (at >= clock_.now() + kAhead) return;
    const auto frame = far.subspan(announced_, kFrame);
    (void)wire::send(run_.into("echo"), wire::Echo{wire::kMicRate, kFrame}, wire::as_bytes(frame),
                     {.turn = 1, .made_ns = at + stamp_error_});
  }
}

// What player ends with.
void EchoScene::announce_end(std::size_t samples, Nanos began) {
  const std::array<std::int16_t, kFrame> silence{};
  const Nanos at = began + audio::frames_to_nanos(static_cast<std::int64_t>(samples), wire::kMicRate);
  (void)wire::send(run_.into("echo"), wire::Echo{wire::kMicRate, kFrame}, wire::as_bytes(std::span(silence)),
                   {.turn = 1, .made_ns = at + stamp_error_});
}

void EchoScene::drop_audio() {
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (run_.from("mic").peek(info, payload) == ipc::TakeResult::kFrame) run_.from("mic").release();
}

void EchoScene::pass(std::span<const std::int16_t> far, std::span<const std::int16_t> near, double seconds) {
  const auto size = std::max({far.size(), near.size(), static_cast<std::size_t>(seconds * wire::kMicRate)});
  const Nanos began = clock_.now();
  announced_ = 0;
  stamp_error_ = -stamp_error_;
  for (std::size_t at = 0; at < size; at += wire::kMicWindow) {
    std::array<std::int16_t, wire::kMicWindow> far_part{};
    std::array<std::int16_t, wire::kMicWindow> near_part{};
    if (at < far.size())
      std::copy_n(far.begin() + static_cast<std::ptrdiff_t>(at), std::min(far_part.size(), far.size() - at),
                  far_part.begin());
    if (at < near.size())
      std::copy_n(near.begin() + static_cast<std::ptrdiff_t>(at),
                  std::min(near_part.size(), near.size() - at), near_part.begin());
    run_.board_of("player").playback().playing.store(at < far.size() ? 1 : 0);
    const bool before = announced_ + kFrame <= far.size();
    announce(far, began);
    if (before && announced_ + kFrame > far.size()) announce_end(announced_, began);
    clock_.advance(kWindowTime);
    Window window;
    room_.hear(far_part, near_part, window.samples);
    window.first_sample = next_sample_;
    window.at = clock_.now();
    window.opening = 1;
    next_sample_ += wire::kMicWindow;
    device_.windows.push_back(window);
    while (stage_->do_work(clock_.now()) > 0) {
    }
    drop_audio();
  }
}

std::vector<EchoScene::Event> EchoScene::events() {
  std::vector<Event> out;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  wire::Hearing head{};
  while (run_.from("hearing").peek(info, payload) == ipc::TakeResult::kFrame) {
    if (wire::decode(info, payload, head, tail)) out.push_back({head.what, head.decided_ns});
    run_.from("hearing").release();
  }
  return out;
}

}  // namespace prot::capture
