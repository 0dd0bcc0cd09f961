#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "engines/backends.hpp"
#include "engines/scribe_link.hpp"
#include "known_names.hpp"
#include "transcript_text.hpp"

namespace prot::stt {
namespace {

constexpr std::size_t kChunk = 1'600;       // samples: 100 ms, the shortest that the service likes
constexpr std::size_t kLeast = 5'600;       // of a commit: the service refuses less than about 0.3 s
constexpr std::size_t kMost = 60 * 16'000;  // that are kept for the case that the connection breaks
// From guess() to the commit: the silence that is still pushed behind a pause is to be in it.
constexpr Nanos kGuessAfter = 110 * kMillisecond;
constexpr Nanos kTwinWithin = 500 * kMillisecond;
constexpr Nanos kDropWithin = kSecond;               // for the text of what was no speech
constexpr Nanos kPartialEvery = 400 * kMillisecond;  // more of them only make work
constexpr int kSendAgainAfter = 40;                  // percent of the time for an answer

/// ElevenLabs' realtime recognition. Audio goes out while the person speaks; at a pause, and at the end, we
/// commit, and the text that comes back is the answer. Commits are matched by state, never counted: the
/// service commits by itself too, and says some segments twice. What is not acknowledged is kept, and sent
/// again, from the last commit on, when the connection breaks, or when a committed segment is not answered
/// in time (a connection that only seems to be one). What turns out to be no speech is committed too, and its
/// text dropped: so a noise costs no connection. Silence that comes behind the commit of a guess is not
/// committed by itself: it would be billed, and words be found in it.
/// Threads: the caller's; the transport has a worker, which calls `wake`.
class ElevenLabsRecognizer final : public SpeechRecognizer {
 public:
  explicit ElevenLabsRecognizer(const RecognizerOptions& options)
      : options_(options),
        clock_(options.clock != nullptr ? *options.clock : steady_),
        patience_(options.answer_timeout),
        name_("elevenlabs:" + options.model_name),
        shown_name_(name_),
        link_(options) {
    link_.want(clock_.now());  // warm before the first word
  }

  void begin() override {
    drop_rest(clock_.now());
    audio_.clear();
    sent_ = behind_ = samples_ = 0;
    text_.clear();
    partial_.clear();
    commit_.reset();
    wanted_ = Wanted::kNothing;
    must_commit_ = sent_again_ = gave_up_ = had_more_ = pausing_ = false;
    deadline_ = guess_at_ = kNever;
    ready_.reset();
    open_ = true;
    link_.want(clock_.now());
  }

  void push(std::span<const std::int16_t> samples) override {
    if (audio_.size() + samples.size() > kMost) forget_oldest(audio_.size() + samples.size() - kMost);
    audio_.insert(audio_.end(), samples.begin(), samples.end());
    samples_ += samples.size();
    if (pausing_ && guess_at_ == kNever && !must_commit_) behind_ += samples.size();
    send();
  }

  bool guess() override {
    pausing_ = true;
    guess_at_ = clock_.now() + kGuessAfter;
    return true;
  }

  // What was committed stays said; only its answer is not wanted yet.
  void retract() override {
    wanted_ = Wanted::kNothing;
    must_commit_ = gave_up_ = pausing_ = false;
    deadline_ = guess_at_ = kNever;
    ready_.reset();
  }

  // Asked again after no answer in time: the person has waited, so that there is only a little more.
  void finish() override {
    if (gave_up_ && !had_more_) deadline_ = clock_.now() + patience_ / 2;
    had_more_ = std::exchange(gave_up_, false);
    open_ = true;
    guess_at_ = kNever;
    ask(Wanted::kFinal);
  }

  void set_busy(bool) noexcept override {}

  void expect(const std::vector<std::string>& names) override {
    RecognizerOptions options = options_;
    options.key_terms =
        joined_terms(options_.key_terms, names, scribe::kMostKeyTerms, scribe::kLongestKeyTerm);
    const bool forgotten = !has_all(names, std::exchange(names_, names));
    link_.use_url(scribe::session_url(options), clock_.now(), quiet(), forgotten);
  }

  std::optional<Recognition> poll() override {
    const Nanos now = clock_.now();
    for (ScribeLink::Event& event : link_.poll(now, quiet())) take(event);
    if (now >= guess_at_) {
      guess_at_ = kNever;
      ask(Wanted::kGuess);
    }
    look_at_time(now);
    send();
    show_state();
    return std::exchange(ready_, std::nullopt);
  }

  [[nodiscard]] Nanos next_deadline() const override {
    Nanos next = std::min({link_.deadline(quiet()), guess_at_, drop_until_});
    if (wanted_ != Wanted::kNothing) next = std::min(next, deadline_);
    if (commit_ && !sent_again_) next = std::min(next, commit_->at + send_again_after());
    return next;
  }

  [[nodiscard]] std::string_view name() const noexcept override { return shown_name_; }

 private:
  enum class Wanted { kNothing, kGuess, kFinal };
  struct Commit {
    std::size_t covers = 0;  // of audio_
    Nanos at = 0;
  };

  [[nodiscard]] bool quiet() const noexcept {
    return !open_ || (sent_ == 0 && !commit_ && !must_commit_ && only_silence());
  }
  [[nodiscard]] bool dropping() const noexcept { return drop_until_ != kNever; }
  [[nodiscard]] Nanos send_again_after() const noexcept { return patience_ / 100 * kSendAgainAfter; }

  void show_state() {
    if (const std::optional<scribe::Message>& refused = link_.refused())
      shown_name_ = refused->failure == FailureClass::kAuth    ? "elevenlabs: refuses the key"
                    : refused->failure == FailureClass::kQuota ? "elevenlabs: quota exceeded"
                                                               : "elevenlabs: refuses";
    else
      shown_name_ = link_.in_trouble() ? "elevenlabs: no connection" : name_;
  }

  /// What the service has of the last utterance must not get into the next one: nothing more is sent before
  /// its text has come.
  void drop_rest(Nanos now) {
    if (sent_ == 0 && !commit_) return;
    const bool answered_soon = commit_ && commit_->covers == sent_ && !sent_again_ && !gave_up_;
    if (!answered_soon && (commit_ || !commit_rest(now))) return link_.renew(now);
    drop_until_ = now + kDropWithin;
  }

  [[nodiscard]] bool commit_rest(Nanos now) {
    if (!link_.ready()) return false;
    const std::vector<std::int16_t> silence(kLeast - std::min(kLeast, sent_));
    if (!silence.empty() && !link_.send(scribe::audio_message(silence, false), now)) return false;
    return link_.send(scribe::audio_message({}, true), now);
  }

  void forget_oldest(std::size_t count) {
    count = std::min(count, audio_.size());
    audio_.erase(audio_.begin(), audio_.begin() + static_cast<std::ptrdiff_t>(count));
    sent_ -= std::min(sent_, count);
    if (commit_) commit_->covers -= std::min(commit_->covers, count);
    behind_ = std::min(behind_, audio_.size());
  }

  /// Of what is not committed, all is silence behind a pause.
  [[nodiscard]] bool only_silence() const noexcept {
    return audio_.size() <= (commit_ ? commit_->covers : 0) + behind_;
  }

  void ask(Wanted what) {
    const Nanos now = clock_.now();
    wanted_ = what;
    asked_at_ = monotonic_now();
    if (deadline_ == kNever) deadline_ = now + patience_;
    if (link_.refused()) return fail(*link_.refused());
    if (now >= deadline_) return give_up();
    link_.want(now);
    go_on();
  }

  /// What is missing to the answer that is wanted.
  void go_on() {
    if (wanted_ == Wanted::kNothing || commit_) return;
    if (only_silence()) return answer(monotonic_now());
    if (audio_.size() < kLeast) audio_.resize(kLeast);  // silence
    must_commit_ = true;
    send();
  }

  /// Whole chunks; all of it before a commit.
  void send() {
    if (!open_ || dropping() || (only_silence() && !must_commit_)) return;
    const Nanos now = clock_.now();
    while (link_.ready() && (audio_.size() - sent_ >= kChunk || (must_commit_ && sent_ < audio_.size()))) {
      const std::size_t count = std::min(audio_.size() - sent_, scribe::kLongestChunk);
      const std::string previous = fresh_ ? scribe::previous_text(text_) : std::string();
      if (!link_.send(scribe::audio_message(std::span(audio_).subspan(sent_, count), false, previous), now))
        return;
      sent_ += count;
      fresh_ = false;
    }
    if (!must_commit_ || !link_.ready() || sent_ < audio_.size()) return;
    if (!link_.send(scribe::audio_message({}, true), now)) return;
    must_commit_ = false;
    behind_ = 0;
    commit_ = Commit{sent_, now};
  }

  void take(ScribeLink::Event& event) {
    using Kind = scribe::Message::Kind;
    if (event.kind == ScribeLink::Event::Kind::kReady) return start_again();
    if (event.kind == ScribeLink::Event::Kind::kLost) {
      start_again();
      if (event.message.failure != FailureClass::kRetry && wanted_ != Wanted::kNothing) fail(event.message);
      last_trouble_ = event.message.text;
      return;
    }
    switch (event.message.kind) {
      case Kind::kPartial:
        return take_partial(event);
      case Kind::kCommitted:
        return take_commit(event.message.text, event.message.timed, event.at);
      case Kind::kEmpty:
        if (commit_ || dropping()) take_commit({}, false, event.at);
        return;
      case Kind::kStarted:
      case Kind::kError:
      case Kind::kOther:
        return;
    }
  }

  /// Another session knows nothing of what was sent.
  void start_again() {
    drop_until_ = kNever;
    sent_ = 0;
    fresh_ = true;
    if (commit_) must_commit_ = true;
    commit_.reset();
    partial_.clear();
  }

  void take_partial(const ScribeLink::Event& event) {
    if (!open_ || dropping() || event.message.text.empty() || event.message.text == partial_) return;
    partial_ = event.message.text;
    const bool answered = ready_ && !ready_->partial;
    if (answered || wanted_ != Wanted::kNothing || event.at - partial_at_ < kPartialEvery) return;
    partial_at_ = event.at;
    Recognition so_far;
    so_far.partial = true;
    so_far.text = said(partial_);
    so_far.samples = samples_;
    so_far.decode_start = so_far.decode_end = event.at;
    ready_ = so_far;
  }

  void take_commit(const std::string& text, bool timed, Nanos at) {
    // One segment comes in both forms, in any order.
    const bool twin =
        !last_.has_twin && timed != last_.timed && text == last_.text && at - last_.at < kTwinWithin;
    if (twin) {
      last_.has_twin = true;
      return;
    }
    if (dropping()) {
      drop_until_ = kNever;
      last_ = {text, at, timed, false};
      return;
    }
    std::size_t covers = 0;
    if (commit_) {
      covers = commit_->covers;
      commit_.reset();
    } else {
      if (!open_ || sent_ == 0 || text.empty()) return;  // nobody asked, and nothing can have been said
      covers = sent_;                                    // the service grew tired of waiting
    }
    last_ = {text, at, timed, false};
    audio_.erase(audio_.begin(),
                 audio_.begin() + static_cast<std::ptrdiff_t>(std::min(covers, audio_.size())));
    sent_ -= std::min(sent_, covers);
    text_ = said(text);
    partial_.clear();
    if (wanted_ == Wanted::kNothing) return;
    if (only_silence()) {
      must_commit_ = false;
      answer(at);
    } else {
      go_on();
    }
  }

  /// What was acknowledged, and `more`.
  [[nodiscard]] std::string said(std::string_view more) const {
    const std::string clean = clean_transcript(scribe::without_repeats(more));
    if (text_.empty() || clean.empty()) return text_ + clean;
    if (text_.size() + clean.size() > kMostTranscript) return text_;
    return text_ + " " + clean;
  }

  void answer(Nanos at) {
    Recognition made;
    made.final = wanted_ == Wanted::kFinal;
    made.text = without_loops(text_);
    made.samples = samples_;
    made.decode_start = asked_at_;
    made.decode_end = at;
    conclude(std::move(made));
  }

  void fail(const scribe::Message& why) {
    Recognition made;
    made.final = wanted_ == Wanted::kFinal;
    made.failure = why.failure;
    made.text = link_.shown() + ": " + why.text;
    made.decode_start = asked_at_;
    made.decode_end = monotonic_now();
    conclude(std::move(made));
  }

  void give_up() {
    scribe::Message why;
    gave_up_ = true;
    why.failure = FailureClass::kRetry;
    why.text = "no answer for " + std::to_string(patience_ / kMillisecond) + " ms" +
               (last_trouble_.empty() ? "" : " (" + last_trouble_ + ")");
    fail(why);
  }

  void conclude(Recognition made) {
    if (made.final) open_ = false;
    wanted_ = Wanted::kNothing;
    ready_ = std::move(made);
  }

  void look_at_time(Nanos now) {
    if (now >= drop_until_) {
      drop_until_ = kNever;
      if (link_.ready()) link_.renew(now);
    }
    if (wanted_ != Wanted::kNothing && now >= deadline_) return give_up();
    if (!commit_ || sent_again_ || now - commit_->at < send_again_after()) return;
    log_warn("{}: a segment is not answered; sending it again on a new connection", link_.shown());
    sent_again_ = true;
    start_again();
    link_.renew(now);
  }

  const RecognizerOptions options_;
  std::vector<std::string> names_;  // that memory knows
  SteadyClock steady_;
  const Clock& clock_;
  const Nanos patience_;
  const std::string name_;
  std::string shown_name_;  // with what is wrong

  std::vector<std::int16_t> audio_;  // of the utterance, not acknowledged
  std::size_t sent_ = 0;             // of it, in this session
  std::size_t behind_ = 0;           // of it, not committed: silence that came after the commit of a guess
  std::uint64_t samples_ = 0;        // of the whole utterance
  std::string text_;                 // acknowledged
  std::string partial_;
  Nanos partial_at_ = 0;
  std::optional<Commit> commit_;  // under way
  Nanos drop_until_ = kNever;     // the text of what was no speech is awaited
  bool must_commit_ = false;
  bool sent_again_ = false;
  bool gave_up_ = false;   // the last answer was that there is none
  bool had_more_ = false;  // it was asked for once more
  bool fresh_ = true;      // the session has no audio yet
  bool open_ = false;
  Wanted wanted_ = Wanted::kNothing;
  Nanos asked_at_ = 0;
  Nanos deadline_ = kNever;
  Nanos guess_at_ = kNever;
  bool pausing_ = false;  // a guess was asked for, and not taken back
  std::string last_trouble_;
  struct {
    std::string text;
    Nanos at = 0;
    bool timed = false;
    bool has_twin = true;  // none before the first
  } last_;
  std::optional<Recognition> ready_;
  ScribeLink link_;
};

}  // namespace

std::unique_ptr<SpeechRecognizer> make_elevenlabs_recognizer(const RecognizerOptions& options) {
  return std::make_unique<ElevenLabsRecognizer>(options);
}

}  // namespace prot::stt
