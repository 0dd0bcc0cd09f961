#include <ggml.h>
#include <unistd.h>
#include <whisper.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fstream>
#include <limits>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "engines/backends.hpp"
#include "transcript_text.hpp"

namespace prot::stt {
namespace {

constexpr int kExitConfiguration = 78;
constexpr double kRate = 16000;
constexpr std::size_t kShortest = 3200;    // samples: the engine refuses less than 0.1 s
constexpr int kInaudible = 32;             // largest sample
constexpr double kLeastConfidence = -1.2;  // mean log probability of a token; speech has > -0.8, noise < -1.5

// The first error names the cause, the later ones its consequences.
void on_log(ggml_log_level level, const char* text, void* first_error) {
  if (level != GGML_LOG_LEVEL_ERROR) return;
  std::string_view line(text);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  if (first_error == nullptr)
    log_debug("{}", line);  // an aborted guess too ends as an "error"; real ones reach the caller
  else if (auto& reason = *static_cast<std::string*>(first_error); reason.empty())
    reason.assign(line);
}

struct ContextCloser {
  void operator()(whisper_context* context) const noexcept { whisper_free(context); }
};
using Context = std::unique_ptr<whisper_context, ContextCloser>;

// The engine ends the process on some files that are not its own: look before it does. Empty: it may load it.
std::string fault_of(const std::string& model) {
  // magic, then the sizes as whisper.cpp writes them
  struct Header {
    std::array<char, 4> magic;
    std::int32_t vocabulary, audio_ctx, audio_state, audio_head, audio_layer;
    std::int32_t text_ctx, text_state, text_head, text_layer, mels, type;
  } header{};
  std::ifstream file(model, std::ios::binary);
  std::array<char, sizeof(Header)> bytes{};
  if (!file) return "cannot be opened";
  if (!file.read(bytes.data(), bytes.size())) return "too short";
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic.data(), "lmgg", 4) != 0) return "no ggml file";
  const bool plausible = header.vocabulary > 50'000 && header.vocabulary < 60'000 &&
                         header.audio_ctx == 1500 && header.text_ctx > 0 && header.text_ctx <= 448 &&
                         (header.mels == 80 || header.mels == 128) && header.type >= 0;
  const std::int32_t type = header.type % 1000;  // thousands: version of the quantisation
  const bool known = type <= 3 || (type >= 7 && type <= 14);
  return plausible && known ? "" : "no whisper model";
}

Context load(const RecognizerOptions& options) {
  const std::string& model = options.model;
  const std::string advice = "; run ./run again to fetch it, or set stt.model";
  std::string reason = fault_of(model);
  Context context;
  if (reason.empty()) {
    whisper_log_set(on_log, &reason);
    whisper_context_params params = whisper_context_default_params();
    params.use_gpu = false;
    params.flash_attn = false;  // it reads padding unless the context is a multiple of 256
    context.reset(whisper_init_from_file_with_params(model.c_str(), params));
    whisper_log_set(on_log, nullptr);
  }
  if (context == nullptr)
    throw Error("cannot load the speech model " + model + ": " + reason + advice, kExitConfiguration);
  if (options.language != "en" && whisper_is_multilingual(context.get()) == 0)
    throw Error("the speech model " + model + " knows English alone, not '" + options.language +
                    "'; set stt.model to a multilingual one",
                kExitConfiguration);
  return context;
}

// The engine's threads spin while they wait for each other: one more than there are idle processors makes a
// decode several times slower, not faster.
int idle_processors() {
  std::ifstream file("/proc/loadavg");
  double average = 0;
  int running = 1;  // this thread
  file >> average >> average >> average >> running;
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)) - std::max(running - 1, 0);
}

// The time grows with this. A context that is too tight makes the decoder loop: hence 64 more than the audio
// needs.
int audio_context(std::size_t samples) {
  constexpr int kStep = 32;
  const int needed = static_cast<int>(std::ceil(static_cast<double>(samples) / kRate * 50)) + 64;
  return std::min((needed + kStep - 1) / kStep * kStep, 1500);
}

// Nobody speaks faster; a decoder that loops must end soon.
int most_tokens(std::size_t samples, const std::string& language) {
  const double per_second = language == "ko" ? 16 : 9;
  return 12 + static_cast<int>(static_cast<double>(samples) / kRate * per_second);
}

void end_loops(whisper_context* context, whisper_state*, const whisper_token_data* tokens, int count,
               float* logits, void*) {
  if (!is_looping(count, [&](int i) { return tokens[i].id; })) return;
  std::fill_n(logits, whisper_n_vocab(context), -std::numeric_limits<float>::infinity());
  logits[whisper_token_eot(context)] = 0;
}

/// whisper.cpp with a ggml model. Decodes whole stretches of audio: a guess at a pause, else at the end.
/// Threads: the caller's and one worker; `mutex_` guards job and answers, `ticket_` tells the worker that its
/// job is void.
class WhisperRecognizer final : public SpeechRecognizer {
 public:
  explicit WhisperRecognizer(const RecognizerOptions& options)
      : options_(options), context_(load(options)), worker_([this] { work(); }) {
    // The first decode allocates and faults pages in: let it be one that nobody waits for.
    submit(Want::kWarmUp);
  }
  ~WhisperRecognizer() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      ticket_.fetch_add(1);
    }
    changed_.notify_all();
    worker_.join();
  }

  void begin() override {
    retract();
    audio_.clear();
  }
  void push(std::span<const std::int16_t> samples) override {
    audio_.insert(audio_.end(), samples.begin(), samples.end());
  }
  bool guess() override {
    submit(Want::kGuess);
    return true;
  }
  void retract() override {
    const std::lock_guard lock(mutex_);
    ticket_.fetch_add(1);
    job_.reset();
    answers_.clear();
  }
  void finish() override { submit(Want::kFinal); }
  void set_busy(bool busy) noexcept override { busy_ = busy; }
  std::optional<Recognition> poll() override {
    const std::lock_guard lock(mutex_);
    if (answers_.empty()) return std::nullopt;
    Recognition answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  std::string_view name() const noexcept override { return "whisper"; }

 private:
  enum class Want { kWarmUp, kGuess, kFinal };
  struct Job {
    std::uint64_t ticket;
    Want want;
    int threads;  // at most
    std::vector<float> audio;
    std::uint64_t samples;
    bool inaudible;
  };

  // How sure the engine is of its text.
  [[nodiscard]] double confidence() const {
    double sum = 0;
    int count = 0;
    const whisper_token first_mark = whisper_token_eot(context_.get());
    for (int i = 0; i < whisper_full_n_segments(context_.get()); ++i) {
      for (int j = 0; j < whisper_full_n_tokens(context_.get(), i); ++j) {
        const whisper_token_data token = whisper_full_get_token_data(context_.get(), i, j);
        if (token.id >= first_mark) continue;
        sum += static_cast<double>(token.plog);
        ++count;
      }
    }
    return count > 0 ? sum / count : 0;
  }

  void submit(Want want) {
    Job job{0, want, busy_ ? 1 : static_cast<int>(options_.threads), {}, audio_.size(), false};
    job.inaudible =
        std::all_of(audio_.begin(), audio_.end(), [](int sample) { return std::abs(sample) <= kInaudible; });
    job.audio.resize(std::max(audio_.size(), kShortest), 0.0F);
    std::transform(audio_.begin(), audio_.end(), job.audio.begin(),
                   [](std::int16_t sample) { return static_cast<float>(sample) / 32768.0F; });
    {
      const std::lock_guard lock(mutex_);
      job.ticket = ticket_.fetch_add(1) + 1;
      job_ = std::move(job);
      answers_.clear();
    }
    changed_.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      if (!job_) {
        changed_.wait(lock);
        continue;
      }
      const Job job = std::move(*job_);
      job_.reset();
      lock.unlock();
      Recognition answer = decode(job);
      lock.lock();
      if (ticket_.load() != job.ticket || job.want == Want::kWarmUp) continue;
      answers_.push_back(std::move(answer));
      lock.unlock();
      if (options_.wake) options_.wake();
      lock.lock();
    }
  }

  [[nodiscard]] Recognition decode(const Job& job) {
    struct Watch {
      const std::atomic<std::uint64_t>& ticket;
      std::uint64_t mine;
    } watch{ticket_, job.ticket};
    whisper_full_params params = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    params.n_threads = std::clamp(idle_processors(), 1, job.threads);
    params.language = options_.language.c_str();
    params.no_context = true;
    // Without timestamps a word, or a whole sentence, is said two to eight times ("Stop. Stop. Stop.").
    params.no_timestamps = false;
    params.single_segment = true;
    params.print_progress = params.print_realtime = params.print_timestamps = params.print_special = false;
    params.suppress_blank = params.suppress_nst = true;
    params.temperature = params.temperature_inc = 0;
    params.greedy.best_of = 1;
    params.audio_ctx = audio_context(job.audio.size());
    params.max_tokens = most_tokens(job.audio.size(), options_.language);
    params.logits_filter_callback = end_loops;
    params.abort_callback = [](void* data) {
      const auto& w = *static_cast<const Watch*>(data);
      return w.ticket.load(std::memory_order_relaxed) != w.mine;
    };
    params.abort_callback_user_data = &watch;

    Recognition answer;
    answer.final = job.want == Want::kFinal;
    answer.samples = job.samples;
    answer.decode_start = monotonic_now();
    if (job.want != Want::kWarmUp && job.inaudible) {
      answer.decode_end = answer.decode_start;  // it would say "you"
      return answer;
    }
    const int result =
        whisper_full(context_.get(), params, job.audio.data(), static_cast<int>(job.audio.size()));
    answer.decode_end = monotonic_now();
    if (result != 0) {
      answer.failure = FailureClass::kRetry;
      answer.text = "whisper failed with " + std::to_string(result);
      return answer;
    }
    std::string raw;
    for (int i = 0; i < whisper_full_n_segments(context_.get()); ++i)
      raw += whisper_full_get_segment_text(context_.get(), i);
    if (confidence() < kLeastConfidence) return answer;  // what it makes of noise
    answer.text = without_loops(clean_transcript(raw));
    return answer;
  }

  const RecognizerOptions options_;
  const Context context_;
  std::vector<std::int16_t> audio_;  // of the utterance; caller's thread
  bool busy_ = false;

  std::atomic<std::uint64_t> ticket_{0};  // of the newest job; an older one is void
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Job> job_;
  std::deque<Recognition> answers_;
  bool stop_ = false;
  std::thread worker_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<SpeechRecognizer> make_whisper_recognizer(const RecognizerOptions& options) {
  return std::make_unique<WhisperRecognizer>(options);
}

}  // namespace prot::stt
