#include "stt_stage.hpp"

#include <algorithm>

#include "base/copy_bytes.hpp"
#include "base/log.hpp"
#include "turn_ending.hpp"
#include "wire/names.hpp"

namespace prot::stt {
namespace {

constexpr Nanos kPatience = 20 * kSecond;    // for one answer; the engine ends its own loops long before
constexpr Nanos kLongestWait = 2 * kSecond;  // before a retry: a person waits
constexpr Nanos kRetryWithin = 3 * kSecond;  // of the end; later they hear at once that it failed
constexpr unsigned kTrailingWindows = 6;  // silence behind the speech that helps the engine; more misleads it
constexpr std::size_t kLongestHole = 16000;  // samples of lost audio that silence stands in for
constexpr Nanos kWindow = Nanos{wire::kMicWindow} * kSecond / wire::kMicRate;

void add(ipc::Word& counter, std::uint64_t by = 1) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

SttStage::SttStage(stage::StageContext& context, std::unique_ptr<SpeechRecognizer> recognizer)
    : context_(context),
      mic_(context.input("mic")),
      names_(context.input("names")),
      transcript_(context.output("transcript")),
      mic_index_(context.input_index("mic")),
      recognizer_(std::move(recognizer)),
      partials_(context.config().get_bool("stt.partials")),
      use_names_(context.config().get_bool("stt.names_from_memory")),
      utterances_(context.counter("utterances")),
      guesses_(context.counter("guesses")),
      guesses_used_(context.counter("guesses_used")),
      failures_(context.counter("failures")),
      bad_frames_(context.counter("bad_frames")),
      decode_ms_(context.counter("decode_ms")),
      pause_words_(context.counter(wire::kPauseWordsLabel)) {}

SttStage::~SttStage() { stop(); }

void SttStage::start() {
  mic_.resume(transcript_.resume_sources().seq[mic_index_]);
  show_engine();
}

void SttStage::stop() noexcept { recognizer_.reset(); }

Nanos SttStage::next_deadline(Nanos) const {
  const Nanos engine = recognizer_->next_deadline();
  if (state_ != State::kDeciding) return engine;
  return std::min(engine,
                  utterance_.retry_at != 0 ? utterance_.retry_at : utterance_.deciding_since + kPatience);
}

bool SttStage::open() const noexcept {
  return state_ == State::kListening || state_ == State::kGuessing || state_ == State::kGuessed;
}

int SttStage::do_work(Nanos now) {
  if (state_ == State::kFinished) return 0;
  int items = read_answers(now) + read_mic(now) + read_names();
  if (state_ == State::kAnswered && publish_final()) ++items;
  show_engine();
  return items;
}

int SttStage::read_mic(Nanos now) {
  int frames = 0;
  while (state_ == State::kIdle || open()) {
    const State before = state_;
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    const ipc::TakeResult result = mic_.peek(info, payload);
    if (result == ipc::TakeResult::kFrame) {
      const bool again = !take(info, payload, now);
      if (!again || state_ != before) ++frames;  // a frame that must wait is no work: the loop would spin
      if (again) break;
      continue;
    }
    if (result == ipc::TakeResult::kEmpty && mic_.producer_closed()) {
      if (open())
        decide(now);
      else
        forward_end_of_stream();
      if (state_ != before) ++frames;
    }
    break;
  }
  return frames;
}

// Only the newest list counts.
int SttStage::read_names() {
  int frames = 0;
  std::optional<std::vector<std::string>> names;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (names_.peek(info, payload) == ipc::TakeResult::kFrame) {
    ++frames;
    wire::KeyTerms head{};
    std::span<const std::byte> tail;
    if (wire::decode(info, payload, head, tail))
      names = wire::names_in(tail);
    else
      add(bad_frames_);
    names_.release();
  }
  if (names && use_names_) recognizer_->expect(*names);
  return frames;
}

// False: this frame must be looked at again later.
bool SttStage::take(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now) {
  wire::MicStart start{};
  wire::MicAudio window{};
  wire::MicPause mark{};
  wire::MicEnd last{};
  wire::EndOfStream stream_end{};
  std::span<const std::byte> tail;
  const bool is_start = wire::decode(info, payload, start, tail);
  const bool is_stream_end = !is_start && wire::decode(info, payload, stream_end, tail);
  if (open() && (is_start || is_stream_end)) {
    decide(now);  // its end is missing: what was heard is what was said
    return false;
  }
  if (is_stream_end) {
    forward_end_of_stream();
    return false;
  }
  if (is_start) begin(info, start);
  if (state_ == State::kIdle) {
    mic_.release();
    return true;
  }
  utterance_.last_frame = info.sequence;
  if (is_start) return true;
  if (wire::decode(info, payload, window, tail))
    audio(info, window, tail);
  else if (wire::decode(info, payload, mark, tail))
    pause(mark);
  else if (wire::decode(info, payload, last, tail))
    end(last, now);
  else
    add(bad_frames_);
  return true;
}

void SttStage::begin(const ipc::FrameInfo& info, const wire::MicStart& head) {
  utterance_ = Utterance{};
  utterance_.number = info.turn;
  utterance_.end.speech_start_ns = utterance_.end.speech_end_ns = head.speech_start_ns;
  state_ = State::kListening;
  recognizer_->begin();
}

void SttStage::audio(const ipc::FrameInfo& info, const wire::MicAudio& head,
                     std::span<const std::byte> tail) {
  std::vector<std::int16_t> samples(std::min<std::size_t>(head.missing_samples, kLongestHole));
  const std::size_t hole = samples.size();
  samples.resize(hole + tail.size() / sizeof(std::int16_t));
  copy_bytes(samples.data() + hole, tail.data(), tail.size() / sizeof(std::int16_t) * sizeof(std::int16_t));

  if (head.is_speech == 0) {
    if (utterance_.spoke && ++utterance_.silent_windows > kTrailingWindows)
      utterance_.held.insert(utterance_.held.end(), samples.begin(), samples.end());
    else
      recognizer_->push(samples);
    return;
  }
  if (state_ != State::kListening) {
    recognizer_->retract();
    utterance_.guess.reset();
    state_ = State::kListening;
  }
  utterance_.spoke = true;
  utterance_.silent_windows = 0;
  utterance_.end.speech_end_ns = info.made_ns + kWindow;
  if (!utterance_.held.empty()) recognizer_->push(utterance_.held);
  utterance_.held.clear();
  recognizer_->push(samples);
}

void SttStage::pause(const wire::MicPause& head) {
  utterance_.end.speech_end_ns = head.speech_end_ns;
  ++utterance_.pauses;
  // What is behind it in the ring already says whether the guess would be taken back.
  if (!partials_ || state_ != State::kListening || mic_.has_data()) return;
  tell_busy();
  if (!recognizer_->guess()) return;
  add(guesses_);
  state_ = State::kGuessing;
}

void SttStage::end(const wire::MicEnd& head, Nanos now) {
  if (head.confirmed == 0) {
    recognizer_->begin();  // drops it
    mic_.release();
    state_ = State::kIdle;
    return;
  }
  // A restarted capture does not know the times of the utterance that it found open.
  if (head.speech_start_ns != 0) utterance_.end.speech_start_ns = head.speech_start_ns;
  if (head.speech_end_ns != 0) utterance_.end.speech_end_ns = head.speech_end_ns;
  utterance_.end.decided_ns = head.decided_ns;
  utterance_.end.wait_ms = head.wait_ms;
  utterance_.end.probability = head.probability;
  decide(now);
}

void SttStage::decide(Nanos now) {
  if (utterance_.end.decided_ns == 0) utterance_.end.decided_ns = now;
  utterance_.deciding_since = now;
  if (utterance_.guess) {
    add(guesses_used_);
    conclude(*utterance_.guess);
    return;
  }
  if (state_ == State::kListening) {
    tell_busy();
    recognizer_->finish();
  } else {
    add(guesses_used_);
  }
  state_ = State::kDeciding;
}

int SttStage::read_answers(Nanos now) {
  int items = 0;
  while (std::optional<Recognition> answer = recognizer_->poll()) {
    ++items;
    // A service may have answered before it was asked for the end.
    const Nanos took = std::max<Nanos>(answer->decode_end - answer->decode_start, 0);
    add(decode_ms_, static_cast<std::uint64_t>(took / kMillisecond));
    const bool failed = answer->failure != FailureClass::kNone;
    if (answer->partial) {
      if (state_ == State::kListening && partials_) offer_partial(*answer);
    } else if (state_ == State::kDeciding) {
      if (answer->failure == FailureClass::kRetry && !utterance_.retried &&
          answer->retry_after <= kLongestWait && now - utterance_.deciding_since <= kRetryWithin) {
        utterance_.retried = true;
        utterance_.retry_at = now + answer->retry_after;
        log_warn("recognition of utterance {} failed ({}); once more", utterance_.number, answer->text);
      } else {
        conclude(*answer);
      }
    } else if (state_ == State::kGuessing && failed) {
      state_ = State::kListening;  // the end will ask again
    } else if (state_ == State::kGuessing) {
      utterance_.guess = std::move(answer);
      state_ = State::kGuessed;
      offer_guess();
    }
  }
  if (state_ == State::kDeciding && utterance_.retry_at != 0 && now >= utterance_.retry_at) {
    utterance_.retry_at = 0;
    recognizer_->finish();
    ++items;
  }
  if (state_ == State::kDeciding && now - utterance_.deciding_since >= kPatience) {
    recognizer_->begin();
    Recognition none;
    none.failure = FailureClass::kFatal;
    none.text = "the recogniser gave no answer";
    conclude(none);
    ++items;
  }
  return items;
}

wire::Transcript SttStage::head_of(wire::TranscriptKind what, const Recognition& answer) const {
  return {what,
          static_cast<std::uint32_t>(answer.samples * 1000 / wire::kMicRate),
          utterance_.end.speech_start_ns,
          utterance_.end.speech_end_ns,
          what == wire::TranscriptKind::kPartial ? 0 : utterance_.end.decided_ns,
          answer.decode_start,
          answer.decode_end,
          what == wire::TranscriptKind::kPartial ? 0 : utterance_.end.wait_ms,
          what == wire::TranscriptKind::kPartial ? wire::kNoProbability : utterance_.end.probability};
}

void SttStage::offer_guess() {
  const Recognition& guess = *utterance_.guess;
  const wire::PauseWords words{utterance_.number, utterance_.pauses, ending_of(guess.text)};
  pause_words_.store(words.packed(), std::memory_order_relaxed);
  offer_partial(guess);
}

// No room: the final transcript will say it.
void SttStage::offer_partial(const Recognition& heard) {
  (void)wire::send(transcript_, head_of(wire::TranscriptKind::kPartial, heard), wire::as_bytes(heard.text),
                   {.turn = utterance_.number, .made_ns = heard.decode_end});
}

void SttStage::conclude(const Recognition& answer) {
  const bool failed = answer.failure != FailureClass::kNone;
  if (failed) {
    add(failures_);
    log_error("recognition of utterance {} failed: {}", utterance_.number, answer.text);
  }
  final_ = Outgoing{head_of(failed ? wire::TranscriptKind::kFailed : wire::TranscriptKind::kFinal, answer),
                    answer.text};
  state_ = State::kAnswered;
}

bool SttStage::publish_final() {
  wire::SendOptions options{.turn = utterance_.number, .made_ns = final_->head.speech_end_ns};
  options.sources.seq[mic_index_] = 1 + utterance_.last_frame;
  const ipc::PublishResult result =
      wire::send(transcript_, final_->head, wire::as_bytes(final_->text), options);
  if (result == ipc::PublishResult::kFull && !transcript_.consumer_closed()) return false;
  if (result == ipc::PublishResult::kTooLarge || result == ipc::PublishResult::kFaulted)
    log_error("the transcript of utterance {} is lost: the ring refuses it", utterance_.number);
  add(utterances_);
  final_.reset();
  mic_.release_through(utterance_.last_frame);
  mic_.rewind();  // a begin that came in place of the end is looked at again
  state_ = State::kIdle;
  return true;
}

void SttStage::forward_end_of_stream() {
  // Without sources: a crash before the release repeats the step.
  const ipc::PublishResult result = wire::send(transcript_, wire::EndOfStream{}, {}, {});
  if (result == ipc::PublishResult::kFull && !transcript_.consumer_closed()) {
    mic_.rewind();
    return;
  }
  mic_.release();
  state_ = State::kFinished;
}

// What it is, and what is wrong with it.
void SttStage::show_engine() {
  if (recognizer_->name() == engine_) return;
  engine_ = recognizer_->name();
  context_.set_engine(engine_);
}

void SttStage::tell_busy() {
  const auto state = static_cast<ipc::ConversationState>(
      context_.board().conversation().state.load(std::memory_order_relaxed));
  recognizer_->set_busy(state == ipc::ConversationState::kProcessing ||
                        state == ipc::ConversationState::kSpeaking);
}

}  // namespace prot::stt
