/// run_end_of_turn FILE.wav...: where capture would end the turns of a recording, by its real detector, its
/// segmenter, the end-of-turn model and the words, in the recording's own time. The words are those of
/// FILE.txt, where it exists: lines "UNTIL_MS<TAB>DELAY_MS<TAB>TEXT", the first whose UNTIL_MS is behind a
/// pause's begin is what a recogniser would say, so long after the pause was told. One JSON object a file:
///   {"file","turns":[{"begin_ms","speech_end_ms","decided_ms","wait_ms","lulls","pauses",
///   "probability"}],"answer_ms"}
/// --probe asks the model in every pause, however long, and ends none:
///   {"file","pauses":[{"speech_end_ms","silence_ms":[...],"probability":[...]}]}
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>
#include <vector>

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "capture/device_choice.hpp"
#include "capture/end_of_turn.hpp"
#include "capture/turn_options.hpp"
#include "capture/voice_detector.hpp"
#include "json/json.hpp"
#include "stage/config.hpp"
#include "stt/turn_ending.hpp"

namespace {

using namespace prot;
using namespace prot::capture;

constexpr const char* kUsage =
    "usage: run_end_of_turn FILE.wav... [--probe] [--learn] [--no-words] [--latency-ms N] [--set "
    "KEY=VALUE]...\n"
    "  --learn: what one file teaches of the pauses is kept for the next; --latency-ms: of the model (160)\n";
constexpr unsigned kWindowMs = 32;
constexpr std::array<unsigned, 5> kProbes{6, 11, 16, 21, 26};  // windows of silence

struct Options {
  std::vector<std::string> files;
  std::vector<std::string> overrides;
  bool probe = false;
  bool learn = false;
  bool words = true;
  unsigned latency = 5;  // windows
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&] {
      if (i + 1 == argc) throw UsageError(argument + " needs a value");
      return std::string(argv[++i]);
    };
    if (argument == "--probe")
      options.probe = true;
    else if (argument == "--learn")
      options.learn = true;
    else if (argument == "--no-words")
      options.words = false;
    else if (argument == "--latency-ms")
      options.latency = static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10)) / kWindowMs;
    else if (argument == "--set")
      options.overrides.push_back(value());
    else if (argument.starts_with("--"))
      throw UsageError("unexpected argument '" + argument + "'");
    else
      options.files.push_back(argument);
  }
  if (options.files.empty()) throw UsageError("a WAV file is needed");
  return options;
}

/// The real model in the recording's time: it computes while the recording stands still, and its answer is
/// given out so many windows later.
class PacedModel final : public EndOfTurnModel {
 public:
  PacedModel(EndOfTurnModel& model, unsigned latency) : model_(model), latency_(latency) {}
  void start(std::span<const std::int16_t> samples) override {
    const Nanos begin = monotonic_now();
    answer_ = ask(samples);
    answer_ns = monotonic_now() - begin;
    left_ = latency_;
  }
  std::optional<float> poll() override {
    if (!answer_ || left_-- > 0) return std::nullopt;
    return std::exchange(answer_, std::nullopt);
  }
  void cancel() noexcept override { answer_.reset(); }
  bool failed() const noexcept override { return false; }
  std::size_t reach() const noexcept override { return model_.reach(); }
  std::string_view name() const noexcept override { return model_.name(); }

  float ask(std::span<const std::int16_t> samples) {
    model_.start(samples);
    for (;;) {
      if (const std::optional<float> answer = model_.poll()) return *answer;
      if (model_.failed()) throw Error("the end-of-turn model has failed");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  Nanos answer_ns = 0;

 private:
  EndOfTurnModel& model_;
  const unsigned latency_;
  unsigned left_ = 0;
  std::optional<float> answer_;
};

/// What a recogniser says of a recording's pauses, and when.
class Transcripts {
 public:
  explicit Transcripts(const std::string& file) {
    std::ifstream list(file);
    for (std::string line; std::getline(list, line);) {
      const std::size_t first = line.find('\t');
      const std::size_t second = line.find('\t', first + 1);
      if (second == std::string::npos) throw UsageError(file + ": no line of three parts: " + line);
      lines_.push_back({std::strtoull(line.c_str(), nullptr, 10),
                        std::strtoull(line.c_str() + first + 1, nullptr, 10), line.substr(second + 1)});
    }
  }
  [[nodiscard]] bool any() const { return !lines_.empty(); }
  void pause(std::uint64_t begin_ms, std::uint64_t now_ms) {
    waiting_ = nullptr;
    for (const Line& line : lines_) {
      if (line.until_ms < begin_ms) continue;
      waiting_ = &line;
      due_ms_ = now_ms + line.delay_ms;
      return;
    }
  }
  void resume() { waiting_ = nullptr; }
  /// Once, when it is due.
  std::optional<wire::Ending> poll(std::uint64_t now_ms) {
    if (waiting_ == nullptr || now_ms < due_ms_) return std::nullopt;
    return stt::ending_of(std::exchange(waiting_, nullptr)->text);
  }

 private:
  struct Line {
    std::uint64_t until_ms;
    std::uint64_t delay_ms;
    std::string text;
  };
  std::vector<Line> lines_;
  const Line* waiting_ = nullptr;
  std::uint64_t due_ms_ = 0;
};

struct Listener {
  const Options& options;
  const stage::Config& config;
  VoiceDetector& detector;
  EndOfTurnModel* model;
  LearnedPauses learned{};

  [[nodiscard]] std::vector<std::int16_t> read(const std::string& file) const {
    audio::WavReader reader(file);
    audio::Resampler resampler(reader.rate(), wire::kMicRate);
    std::vector<std::int16_t> samples;
    resampler.process(reader.read_all(), samples);
    resampler.flush(samples);
    return samples;
  }
  void listen(const std::string& file);
  void probe(const std::string& file);
};

constexpr std::uint64_t ms_of(std::uint64_t sample) { return sample * 1000 / wire::kMicRate; }

void Listener::listen(const std::string& file) {
  const std::vector<std::int16_t> samples = read(file);
  detector.reset();
  Segmenter segmenter(segmenter_options(config));
  std::unique_ptr<PacedModel> paced;
  const PacedModel* watched = nullptr;
  if (model != nullptr) {
    paced = std::make_unique<PacedModel>(*model, options.latency);
    watched = paced.get();
  }
  EndOfTurn end_of_turn(wait_settings(config), std::move(paced));
  if (options.learn) end_of_turn.turn_wait().restore(learned);
  const auto threshold = static_cast<float>(config.get_double("capture.vad_threshold"));

  Transcripts transcripts(options.words ? file + ".txt" : "");

  json::Writer line;
  line.begin_object().member("file", file).key("turns").begin_array();
  const auto finish = [&](std::uint64_t now) {
    const Segment& segment = segmenter.segment();
    line.begin_object().member("begin_ms", ms_of(segment.speech_begin));
    line.member("speech_end_ms", ms_of(segment.speech_end)).member("decided_ms", ms_of(now));
    line.member("wait_ms", segmenter.silence() * kWindowMs).member("lulls", segment.lulls);
    line.member("pauses", segment.pauses);
    line.member("probability", static_cast<double>(end_of_turn.probability().value_or(-1)));
    line.end_object();
    end_of_turn.end(true);
  };
  for (std::size_t at = 0; at + wire::kMicWindow <= samples.size(); at += wire::kMicWindow) {
    const auto window = std::span(samples).subspan(at, wire::kMicWindow);
    if (segmenter.paused()) {
      if (const auto ending = transcripts.poll(ms_of(at))) end_of_turn.read(*ending);
      segmenter.wait_for(end_of_turn.wait(segmenter.silence()));
    }
    const bool was_open = segmenter.open();
    const auto events = segmenter.step(at, detector.probability(window), threshold);
    if (was_open) end_of_turn.hear(window);
    for (const SegmentEvent event : events) {
      const Segment& segment = segmenter.segment();
      const auto silence = static_cast<unsigned>(segment.silence / wire::kMicWindow);
      if (event == SegmentEvent::kStart) {
        end_of_turn.begin(silence, false);
        end_of_turn.hear(std::span(samples).subspan(segment.first, at + wire::kMicWindow - segment.first));
      }
      if (event == SegmentEvent::kPause) end_of_turn.pause(segmenter.silence(), transcripts.any());
      if (event == SegmentEvent::kLull)
        transcripts.pause(ms_of(segment.speech_end), ms_of(at + wire::kMicWindow));
      if (event == SegmentEvent::kResume) {
        end_of_turn.resume(silence);
        transcripts.resume();
      }
      if (event == SegmentEvent::kDiscard) end_of_turn.end(false);
      if (event == SegmentEvent::kEnd) finish(at + wire::kMicWindow);
    }
  }
  line.end_array().member("open", segmenter.open());
  const Nanos answer = watched != nullptr ? watched->answer_ns : 0;
  line.member("answer_ms", static_cast<double>(answer) / kMillisecond).end_object();
  std::printf("%s\n", line.str().c_str());
  learned = end_of_turn.turn_wait().learned();
}

void Listener::probe(const std::string& file) {
  if (model == nullptr) throw UsageError("--probe needs a model");
  const std::vector<std::int16_t> samples = read(file);
  detector.reset();
  SegmenterOptions endless = segmenter_options(config);
  endless.end = ~0U;
  Segmenter segmenter(endless);
  PacedModel asked(*model, 0);
  const auto threshold = static_cast<float>(config.get_double("capture.vad_threshold"));

  json::Writer line;
  line.begin_object().member("file", file).key("pauses").begin_array();
  std::string silences;
  std::string probabilities;
  const auto finish_pause = [&](std::uint64_t speech_end) {
    if (silences.empty()) return;
    line.begin_object().member("speech_end_ms", ms_of(speech_end));
    line.key("silence_ms").raw("[" + silences + "]").key("probability").raw("[" + probabilities + "]");
    line.end_object();
    silences.clear();
    probabilities.clear();
  };
  std::uint64_t pause_begin = 0;
  for (std::size_t at = 0; at + wire::kMicWindow <= samples.size(); at += wire::kMicWindow) {
    const auto window = std::span(samples).subspan(at, wire::kMicWindow);
    for (const SegmentEvent event : segmenter.step(at, detector.probability(window), threshold))
      if (event == SegmentEvent::kResume) finish_pause(pause_begin);
    if (!segmenter.paused()) continue;
    for (const unsigned silence : kProbes) {
      if (segmenter.silence() != silence) continue;
      const std::uint64_t first = segmenter.segment().first;
      const float answer = asked.ask(std::span(samples).subspan(first, at + wire::kMicWindow - first));
      pause_begin = segmenter.segment().speech_end;
      const char* comma = silences.empty() ? "" : ",";
      silences += comma + std::to_string(silence * kWindowMs);
      probabilities += comma + std::to_string(answer);
    }
  }
  finish_pause(pause_begin);
  std::printf("%s\n", line.end_array().end_object().str().c_str());
}

void run(const Options& options) {
  const stage::Config config = stage::Config::load("", options.overrides);
  const std::string cache = instance_paths("default").cache;
  const auto detector = make_detector(config.get_string("capture.detector"), detector_model(config, cache));
  const auto model =
      make_end_of_turn_model(config.get_string("capture.turn_model"), end_of_turn_file(config, cache));
  Listener listener{options, config, *detector, model.get()};
  for (const std::string& file : options.files) {
    if (options.probe)
      listener.probe(file);
    else
      listener.listen(file);
  }
}

}  // namespace

int main(int argc, char** argv) {
  init_log("run_end_of_turn");
  try {
    if (argc == 2 && std::string_view(argv[1]) == "--help") return std::fputs(kUsage, stdout) < 0;
    run(parse(argc, argv));
    return 0;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "run_end_of_turn: %s\n%s", error.what(), kUsage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_end_of_turn: %s\n", full_message(error).c_str());
    return 1;
  }
}
