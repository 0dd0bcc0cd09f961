/// run_voice TEXT OUT.wav [--lang en|ko] [--voice NAME] [--rate HZ]: speaks into a file and prints how long
/// it took: {"samples","rate","synthesis_ms","first_audio_ms","align"}; align: pairs of text byte and sample.
/// run_voice --list FILE: the same for each line "OUT.wav<TAB>TEXT" of a file.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "json/json.hpp"
#include "stage/config.hpp"
#include "tts/voice.hpp"

namespace {

using namespace prot;

constexpr const char* kUsage =
    "usage: run_voice TEXT OUT.wav | --list FILE [--lang en|ko] [--voice NAME] [--rate HZ]";

struct Job {
  std::string text;
  std::string file;
};

struct Options {
  std::vector<Job> jobs;
  std::string language = "en";
  std::string voice;
  unsigned rate = 0;  // 0: the voice's own
};

std::vector<Job> read_list(const std::string& name) {
  std::ifstream list(name);
  if (!list) throw UsageError("cannot read " + name);
  std::vector<Job> jobs;
  for (std::string line; std::getline(list, line);) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) throw UsageError(name + ": a line without a tab: " + line);
    jobs.push_back({line.substr(tab + 1), line.substr(0, tab)});
  }
  return jobs;
}

Options parse(int argc, char** argv) {
  Options options;
  std::vector<std::string> positions;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&] {
      if (i + 1 >= argc) throw UsageError(argument + " needs a value");
      return std::string(argv[++i]);
    };
    if (argument == "--lang")
      options.language = value();
    else if (argument == "--voice")
      options.voice = value();
    else if (argument == "--list")
      options.jobs = read_list(value());
    else if (argument == "--rate")
      options.rate = static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10));
    else if (argument.starts_with("--"))
      throw UsageError("unknown option '" + argument + "'");
    else
      positions.push_back(argument);
  }
  if (positions.size() == 2 && options.jobs.empty())
    options.jobs.push_back({positions[0], positions[1]});
  else if (!positions.empty() || options.jobs.empty())
    throw UsageError(kUsage);
  if (options.language != "en" && options.language != "ko") throw UsageError("--lang: en or ko");
  if (options.rate != 0 && (options.rate < 8000 || options.rate > 96'000))
    throw UsageError("--rate: 8000 to 96000 Hz");
  return options;
}

class Recording final : public tts::VoiceOutput {
 public:
  void align(std::vector<wire::AlignPoint> points) override {
    alignment.insert(alignment.end(), points.begin(), points.end());
  }
  void samples(std::vector<std::int16_t> samples) override {
    if (first_ns == 0) first_ns = monotonic_now();
    all.insert(all.end(), samples.begin(), samples.end());
  }
  [[nodiscard]] bool cancelled() const noexcept override { return false; }
  std::vector<std::int16_t> all;
  std::vector<wire::AlignPoint> alignment;
  Nanos first_ns = 0;
};

void speak(tts::Voice& voice, const Job& job, const Options& options) {
  Recording recording;
  const Nanos begin = monotonic_now();
  voice.speak({1, 0, job.text, options.language}, recording);
  const Nanos end = monotonic_now();
  if (recording.all.empty()) throw Error("the voice " + voice.name() + " has nothing to say for this text");
  const unsigned rate = options.rate != 0 ? options.rate : voice.rate();
  std::vector<std::int16_t> samples;
  audio::Resampler resampler(voice.rate(), rate);
  resampler.process(recording.all, samples);
  resampler.flush(samples);
  audio::WavWriter file(job.file, {.rate = rate, .channels = 1});
  file.write(samples);
  file.close();

  const auto ms = [begin](Nanos at) { return static_cast<double>((at - begin) / kMicrosecond) / 1000.0; };
  json::Writer line;
  line.begin_object().member("samples", samples.size()).member("rate", rate);
  line.member("synthesis_ms", ms(end)).member("first_audio_ms", ms(recording.first_ns));
  line.key("align").begin_array();
  for (const wire::AlignPoint& point : recording.alignment)
    line.begin_array().value(point.byte).value(std::uint64_t{point.sample} * rate / voice.rate()).end_array();
  std::printf("%s\n", line.end_array().end_object().str().c_str());
}

void run(const Options& options) {
  const InstancePaths paths = instance_paths("default");
  const stage::Config config = stage::Config::load(paths.config / "prot.toml", {});
  tts::VoiceOptions voice_options;
  voice_options.language = options.language;
  voice_options.piper_model = config.model_path("tts.piper_model", paths.cache, "piper-joe.onnx");
  voice_options.words_per_minute = static_cast<int>(config.get_int("tts.espeak_wpm"));
  const std::string name =
      options.voice.empty() ? config.get_string("tts.voice_" + options.language) : options.voice;
  const std::unique_ptr<tts::Voice> voice = tts::make_voice(name, voice_options);
  voice->load();
  for (const Job& job : options.jobs) speak(*voice, job, options);
}

}  // namespace

int main(int argc, char** argv) {
  prot::init_log("run_voice");
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const prot::Error& error) {
    prot::log_error("{}", prot::full_message(error));
    return error.exit_code();
  } catch (const std::exception& error) {
    prot::log_error("{}", prot::full_message(error));
    return 1;
  }
}
