#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "echo_monitor.hpp"
#include "echo_remover.hpp"
#include "end_of_turn.hpp"
#include "sample_clock.hpp"
#include "segmenter.hpp"
#include "stage/context.hpp"
#include "stage/stage.hpp"
#include "utterance_writer.hpp"
#include "voice_detector.hpp"
#include "window_feed.hpp"

namespace prot::capture {

/// Microphone -> speech. Windows from the feed go through the echo canceller, the detector and the segmenter;
/// what belongs to an utterance goes to `mic`, its marks to `hearing`. Never waits for a ring or the device.
/// Threads: the loop's; the feed has its own. Invariant: every utterance that was begun gets its end, also
/// when the device is lost, the stage is drained, or its predecessor was killed. Lifetime: within the
/// context's.
class CaptureStage final : public stage::Stage {
 public:
  /// `end_of_turn`: null for silence alone; `canceller`: null for none.
  CaptureStage(stage::StageContext& context, std::unique_ptr<WindowFeed> feed,
               std::unique_ptr<VoiceDetector> detector, std::unique_ptr<EndOfTurnModel> end_of_turn = {},
               std::unique_ptr<EchoCanceller> canceller = {});
  ~CaptureStage() override;

  void start() override;
  int do_work(Nanos now) override;
  [[nodiscard]] Nanos next_deadline(Nanos now) const override;
  [[nodiscard]] bool finished() const override { return finished_; }
  void stop() noexcept override;

 private:
  /// A window that may become pre-roll.
  struct Past {
    Window window;
    float probability;
    bool speech;
  };

  void take(Window& window, Nanos now);
  [[nodiscard]] bool far_is_late(const Window& window, Nanos now) const noexcept;
  [[nodiscard]] bool promise_is_void(Nanos now) const noexcept;
  void remove_echo(Window& window) noexcept;
  void on_event(SegmentEvent event, Nanos now);
  void open_utterance(Nanos now);
  void close_utterance(bool confirmed, Nanos now);
  void write(const Past& past);
  void interrupt(Nanos now);
  void follow_device(Nanos now);
  void watch_for_silence(Nanos now);
  int drain(Nanos now);
  void keep_learned() noexcept;
  [[nodiscard]] wire::PauseWords newest_words() const noexcept;
  [[nodiscard]] bool words_will_come() const noexcept;
  void read_words() noexcept;
  [[nodiscard]] bool prot_speaks(Nanos now) const noexcept;
  [[nodiscard]] bool prot_audible(Nanos now) const noexcept;
  [[nodiscard]] float threshold(Nanos now) const noexcept;
  [[nodiscard]] double level() const noexcept;
  [[nodiscard]] const Past& newest() const noexcept;

  stage::StageContext& context_;
  std::unique_ptr<WindowFeed> feed_;
  std::unique_ptr<VoiceDetector> detector_;
  Segmenter segmenter_;
  EndOfTurn end_of_turn_;
  SampleClock sample_clock_;
  UtteranceWriter writer_;
  EchoMonitor echo_;
  std::optional<EchoRemover> remover_;
  const std::size_t delay_;  // samples that the remover adds
  ipc::Word& windows_;
  ipc::Word& dropped_;
  ipc::Word& lost_;
  ipc::Word& jumps_;
  ipc::Word& stalls_;
  ipc::Word& capped_;
  ipc::Word& end_wait_ms_;
  ipc::Word& end_probability_pct_;
  ipc::Word& end_answers_;
  ipc::Word& pause_mean_ms_;  // these two survive this process
  ipc::Word& pause_deviation_ms_;
  ipc::Word& echo_removed_;
  ipc::Word& echo_slips_;
  ipc::Word& echo_late_ms_;   // what the delay search found
  ipc::Word& echo_missed_;    // windows that were heard without what prot played
  ipc::Word& echo_moved_ms_;  // and by how much the far end is moved for it

  const int stt_;  // its page
  const float threshold_quiet_;
  const float threshold_speaking_;
  const bool headphones_;

  std::vector<Past> history_;  // ring of the newest windows
  std::size_t history_size_ = 0;
  std::size_t history_next_ = 0;
  Window incoming_;
  bool waiting_ = false;  // it is kept until player has said what it plays
  std::uint32_t opening_ = 0;
  std::uint64_t revision_ = 0;
  bool device_open_ = false;
  bool stalled_ = false;
  Nanos last_window_ = 0;
  bool draining_ = false;
  Nanos drain_began_ = 0;
  bool finished_ = false;
};

}  // namespace prot::capture
