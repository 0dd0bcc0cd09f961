#include "capture_stage.hpp"

#include <algorithm>

#include "audio/level.hpp"
#include "base/log.hpp"
#include "turn_options.hpp"

namespace prot::capture {
namespace {

constexpr int kWindowsPerCycle = 16;             // then the other rings get their turn
constexpr Nanos kStall = 2 * kSecond;            // a device that is open but says nothing
constexpr Nanos kOfferAgain = 5 * kMillisecond;  // end-of-stream that found no room
constexpr Nanos kCloseDeadline = 500 * kMillisecond;
constexpr std::uint32_t kFewUtterances = 4;
constexpr int kDigitalSilence = 2;  // a muted device needs no detector

constexpr unsigned windows_in(std::uint64_t samples) noexcept {
  return static_cast<unsigned>(std::min<std::uint64_t>(samples / wire::kMicWindow, ~0U));
}

bool is_silent(const Window& window) noexcept {
  return std::all_of(window.samples.begin(), window.samples.end(),
                     [](int sample) { return sample >= -kDigitalSilence && sample <= kDigitalSilence; });
}

}  // namespace

CaptureStage::CaptureStage(stage::StageContext& context, std::unique_ptr<WindowFeed> feed,
                           std::unique_ptr<VoiceDetector> detector,
                           std::unique_ptr<EndOfTurnModel> end_of_turn,
                           std::unique_ptr<EchoCanceller> canceller)
    : context_(context),
      feed_(std::move(feed)),
      detector_(std::move(detector)),
      segmenter_(segmenter_options(context.config())),
      end_of_turn_(wait_settings(context.config()), std::move(end_of_turn)),
      sample_clock_(wire::kMicRate),
      writer_(context.output("mic"), context.output("hearing"), context.counter("utterance"),
              context.counter("open_utterance")),
      echo_(context.input("echo")),
      remover_(canceller ? std::optional<EchoRemover>(std::in_place, std::move(canceller)) : std::nullopt),
      delay_(remover_ ? remover_->delay() : 0),
      windows_(context.counter("windows")),
      dropped_(context.counter("dropped_samples")),
      lost_(context.counter("device_lost")),
      jumps_(context.counter("clock_jumps")),
      stalls_(context.counter("device_stalls")),
      capped_(context.counter("turns_capped")),
      end_wait_ms_(context.counter("end_wait_ms")),
      end_probability_pct_(context.counter("end_probability_pct")),
      end_answers_(context.counter("end_answers")),
      pause_mean_ms_(context.counter("pause_mean_ms")),
      pause_deviation_ms_(context.counter("pause_deviation_ms")),
      echo_removed_(context.counter("echo_removed_db")),
      echo_slips_(context.counter("echo_slips")),
      echo_late_ms_(context.counter("echo_late_ms")),
      echo_missed_(context.counter("echo_missed")),
      echo_moved_ms_(context.counter("echo_moved_ms")),
      stt_(context.board().find("stt")),
      threshold_quiet_(static_cast<float>(context.config().get_double("capture.vad_threshold"))),
      threshold_speaking_(static_cast<float>(context.config().get_double("capture.vad_threshold_speaking"))),
      headphones_(context.config().get_bool("player.headphones")),
      history_(segmenter_.reach() + 1) {}

CaptureStage::~CaptureStage() { stop(); }

void CaptureStage::start() {
  const Nanos now = context_.clock().now();
  writer_.resume(context_.board().conversation().utterance.load(), now);
  end_of_turn_.turn_wait().restore(
      {static_cast<unsigned>(pause_mean_ms_.load()), static_cast<unsigned>(pause_deviation_ms_.load())});
  // A device that is lost while we are restarted is no reason to give up: only the first start is strict.
  feed_->start(context_.environment().generation > 1);
  last_window_ = now;
  follow_device(now);
}

int CaptureStage::do_work(Nanos now) {
  if (finished_) return 0;
  int items = echo_.drain(remover_ ? &*remover_ : nullptr);
  follow_device(now);
  (void)writer_.flush();
  for (int i = 0; i < kWindowsPerCycle && (waiting_ || feed_->pop(incoming_)); ++i, ++items) {
    waiting_ = far_is_late(incoming_, now) && now < incoming_.at + EchoMonitor::kPatience;
    if (waiting_) break;
    if (!draining_) take(incoming_, now);
  }
  if (context_.drain() != ipc::Drain::kNone && items == 0) return drain(now);
  watch_for_silence(now);
  return items;
}

Nanos CaptureStage::next_deadline(Nanos now) const {
  if (draining_) return now + kOfferAgain;
  if (waiting_) return incoming_.at + EchoMonitor::kPatience;
  return device_open_ && !stalled_ ? last_window_ + kStall : kNever;
}

// Player announces what it plays before it does, but its loop may be late with the samples: on a full machine
// by more than the buffers of both devices. A window that is judged without them is prot's own voice.
bool CaptureStage::far_is_late(const Window& window, Nanos now) const noexcept {
  return remover_ && context_.drain() == ipc::Drain::kNone && echo_.expects(now) && !promise_is_void(now) &&
         !remover_->has_far(window.at);
}

// What was announced is not begun while the person has the floor, and never once it is cancelled: who speaks
// meanwhile is heard. What has begun is another matter: the device's buffer is heard through a hold.
bool CaptureStage::promise_is_void(Nanos now) const noexcept {
  if (!echo_.only_announced()) return false;
  const ipc::Board& board = context_.board();
  return board.conversation().hold_until_ns.load(std::memory_order_acquire) > now ||
         board.is_cancelled(echo_.announced_turn());
}

void CaptureStage::stop() noexcept {
  if (feed_) feed_->close();
  feed_.reset();
}

int CaptureStage::drain(Nanos now) {
  if (!draining_) {
    draining_ = true;
    drain_began_ = now;
    interrupt(now);
    feed_->close();
  }
  if (!feed_->closed() && now - drain_began_ < kCloseDeadline) return 0;
  if (!writer_.end_of_stream()) return 0;
  finished_ = true;
  return 1;
}

void CaptureStage::follow_device(Nanos now) {
  if (feed_->revision() == revision_) return;
  revision_ = feed_->revision();
  const FeedStatus status = feed_->status();
  lost_.store(status.lost);
  if (status.open) {
    const std::string_view canceller = remover_ ? remover_->canceller().name() : "";
    std::string engine = status.device + " " + std::string(detector_->name());
    if (!end_of_turn_.name().empty()) engine += " " + std::string(end_of_turn_.name());
    if (!canceller.empty()) engine += " " + std::string(canceller);
    context_.set_engine(engine);
    if (!device_open_)
      log_info("listening to {}, voice activity by {}, echo cancellation by {}", status.device,
               detector_->name(), canceller.empty() ? "nobody" : canceller);
    last_window_ = now;
  } else if (device_open_) {
    interrupt(now);
    context_.set_engine("no microphone");
  }
  device_open_ = status.open;
}

void CaptureStage::watch_for_silence(Nanos now) {
  if (!device_open_ || stalled_ || now - last_window_ < kStall) return;
  stalled_ = true;
  stalls_.store(stalls_.load() + 1);
  log_warn("the microphone has delivered nothing for {} s", kStall / kSecond);
  interrupt(now);
}

void CaptureStage::interrupt(Nanos now) {
  for (const SegmentEvent event : segmenter_.finish()) on_event(event, now);
}

const CaptureStage::Past& CaptureStage::newest() const noexcept {
  return history_[(history_next_ + history_.size() - 1) % history_.size()];
}

bool CaptureStage::prot_speaks(Nanos now) const noexcept {
  const ipc::Board& board = context_.board();
  const auto state =
      static_cast<ipc::ConversationState>(board.conversation().state.load(std::memory_order_relaxed));
  return state == ipc::ConversationState::kSpeaking ||
         board.playback().playing.load(std::memory_order_relaxed) != 0 || prot_audible(now);
}

bool CaptureStage::prot_audible(Nanos now) const noexcept {
  return echo_.audible(now, remover_ ? remover_->lateness() : 0);
}

float CaptureStage::threshold(Nanos now) const noexcept {
  if (headphones_) return threshold_quiet_;
  return prot_speaks(now) ? std::max(threshold_speaking_, threshold_quiet_) : threshold_quiet_;
}

void CaptureStage::remove_echo(Window& window) noexcept {
  remover_->process(window.samples, sample_clock_.time_of(window.first_sample + delay_));
  echo_removed_.store(static_cast<std::uint64_t>(std::max(remover_->removed_db(), 0.0)),
                      std::memory_order_relaxed);
  echo_slips_.store(remover_->slips(), std::memory_order_relaxed);
  const auto ms = [](Nanos time) {
    return static_cast<std::uint64_t>(std::max<Nanos>(time, 0) / kMillisecond);
  };
  echo_late_ms_.store(ms(remover_->search().delay()), std::memory_order_relaxed);
  echo_moved_ms_.store(ms(remover_->shift()), std::memory_order_relaxed);
}

void CaptureStage::take(Window& window, Nanos now) {
  last_window_ = now;
  stalled_ = false;
  windows_.store(windows_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (window.opening != opening_) {
    interrupt(now);
    opening_ = window.opening;
    sample_clock_.restart();
    detector_->reset();
    if (remover_) remover_->reset();
    history_size_ = 0;
  }
  if (window.missing > 0) {
    dropped_.store(dropped_.load() + window.missing);
    history_size_ = 0;  // a pre-roll has no hole
  }
  // What comes out of the remover is older than what went in: the clock is the output's.
  sample_clock_.observe(window.first_sample + delay_ + wire::kMicWindow, window.at);
  jumps_.store(sample_clock_.jumps(), std::memory_order_relaxed);
  const bool silent = is_silent(window);
  const bool missed = far_is_late(window, now);
  if (silent) detector_->silence();
  if (remover_) remove_echo(window);

  const bool was_open = segmenter_.open();
  if (segmenter_.paused()) {
    read_words();
    segmenter_.wait_for(end_of_turn_.wait(segmenter_.silence()));
  }
  if (missed) echo_missed_.store(echo_missed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const bool own_voice = missed || (remover_ && remover_->is_learning() && prot_audible(now));
  const float probability = silent || own_voice ? 0.0F : detector_->probability(window.samples);
  const auto events = segmenter_.step(window.first_sample, probability, threshold(now));
  Past& past = history_[history_next_];
  past = {window, probability, segmenter_.open() ? segmenter_.counted() : segmenter_.speech()};
  history_next_ = (history_next_ + 1) % history_.size();
  history_size_ = std::min(history_size_ + 1, history_.size());

  if (was_open) write(past);
  for (const SegmentEvent event : events) on_event(event, now);
}

void CaptureStage::on_event(SegmentEvent event, Nanos now) {
  const Segment& segment = segmenter_.segment();
  const Nanos speech_end = sample_clock_.time_of(segment.speech_end);
  switch (event) {
    case SegmentEvent::kStart:
      end_of_turn_.begin(windows_in(segment.silence), prot_speaks(now));
      keep_learned();
      open_utterance(now);
      break;
    case SegmentEvent::kConfirm:
      writer_.heard(wire::Heard::kConfirmed, speech_end, now, level());
      break;
    case SegmentEvent::kResume:
      end_of_turn_.resume(windows_in(segment.silence));
      keep_learned();
      if (segment.confirmed) writer_.heard(wire::Heard::kConfirmed, speech_end, now, level());
      break;
    case SegmentEvent::kLull:
      writer_.pause(speech_end);
      break;
    case SegmentEvent::kPause:
      end_of_turn_.pause(segmenter_.silence(), words_will_come());
      writer_.heard(wire::Heard::kPaused, speech_end, now, level());
      break;
    case SegmentEvent::kEnd:
      close_utterance(true, now);
      break;
    case SegmentEvent::kDiscard:
      close_utterance(false, now);
      break;
  }
}

void CaptureStage::open_utterance(Nanos now) {
  const Segment& segment = segmenter_.segment();
  // The oldest window at hand that belongs to it; the history may be shorter than the pre-roll.
  std::size_t count = 0;
  const auto back = [&](std::size_t windows) -> const Past& {
    return history_[(history_next_ + 2 * history_.size() - windows) % history_.size()];
  };
  while (count < history_size_ && back(count + 1).window.first_sample >= segment.first) ++count;
  if (count == 0) return;  // not possible: the newest window belongs to it
  const std::uint64_t first = back(count).window.first_sample;
  const auto pre_roll =
      static_cast<std::uint32_t>(segment.speech_begin > first ? segment.speech_begin - first : 0);
  const Nanos speech_start = sample_clock_.time_of(segment.speech_begin);
  writer_.begin(first, pre_roll, speech_start, sample_clock_.time_of(first));
  writer_.heard(wire::Heard::kStarted, speech_start, now, level());
  for (; count > 0; --count) write(back(count));
}

void CaptureStage::close_utterance(bool confirmed, Nanos now) {
  const Segment& segment = segmenter_.segment();
  const Nanos speech_end = sample_clock_.time_of(segment.speech_end);
  constexpr unsigned kWindowMs = wire::kMicWindow * 1000 / wire::kMicRate;
  wire::MicEnd mark{sample_clock_.time_of(segment.speech_begin), speech_end, now, confirmed ? 1U : 0U};
  mark.wait_ms = segmenter_.silence() * kWindowMs;
  mark.probability = end_of_turn_.probability().value_or(wire::kNoProbability);
  end_of_turn_.end(confirmed && !segment.capped);
  if (confirmed) {
    end_wait_ms_.store(mark.wait_ms, std::memory_order_relaxed);
    end_probability_pct_.store(static_cast<std::uint64_t>(std::max(mark.probability, 0.0F) * 100),
                               std::memory_order_relaxed);
    end_answers_.store(end_of_turn_.answers(), std::memory_order_relaxed);
  }
  if (segment.capped) {
    capped_.store(capped_.load() + 1);
    log_info("utterance {} was ended for its length", writer_.utterance());
  }
  writer_.end(mark);
  writer_.heard(confirmed ? wire::Heard::kEnded : wire::Heard::kDiscarded, speech_end, now, level());
}

wire::PauseWords CaptureStage::newest_words() const noexcept {
  if (stt_ < 0) return {};
  const ipc::Word& word = context_.board().counter(static_cast<std::size_t>(stt_), wire::kPauseWordsLabel);
  return wire::PauseWords::unpacked(word.load(std::memory_order_relaxed));
}

// A recogniser that has answered for one of the newest utterances will for this one, too.
bool CaptureStage::words_will_come() const noexcept {
  const std::uint32_t answered = newest_words().utterance;
  return answered != 0 && answered + kFewUtterances > writer_.utterance();
}

void CaptureStage::read_words() noexcept {
  const wire::PauseWords words = newest_words();
  if (words.utterance == writer_.utterance() && words.pause == segmenter_.segment().lulls)
    end_of_turn_.read(words.ending);
}

void CaptureStage::keep_learned() noexcept {
  const LearnedPauses learned = end_of_turn_.turn_wait().learned();
  pause_mean_ms_.store(learned.mean_ms, std::memory_order_relaxed);
  pause_deviation_ms_.store(learned.deviation_ms, std::memory_order_relaxed);
}

void CaptureStage::write(const Past& past) {
  const wire::MicAudio head{past.window.first_sample, past.probability, past.window.missing,
                            past.speech ? 1U : 0U, 0};
  end_of_turn_.hear(past.window.samples);
  writer_.audio(past.window.samples, head, sample_clock_.time_of(past.window.first_sample));
}

double CaptureStage::level() const noexcept {
  return history_size_ == 0 ? audio::kSilenceDbfs : audio::rms_dbfs(newest().window.samples);
}

}  // namespace prot::capture
