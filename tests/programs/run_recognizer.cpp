// run_recognizer: one WAV file through the speech recogniser, as prot-stt would hear it.
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "ipc/doorbell.hpp"
#include "json/json.hpp"
#include "stage/config.hpp"
#include "stt/speech_recognizer.hpp"
#include "wire/speech_in.hpp"

namespace {

constexpr const char* kUsage =
    "usage: run_recognizer FILE.wav [--lang en|ko] [--model FILE] [--threads N] [--names NAME,...]\n";

struct Options {
  std::string file;
  prot::stt::RecognizerOptions recognizer;
};

std::vector<std::string> split(std::string_view names) {
  std::vector<std::string> parts;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    parts.emplace_back(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return parts;
}

Options parse(int argc, char** argv) {
  Options options;
  const prot::stage::Config config = prot::stage::Config::load("", {});
  options.recognizer.language = config.language();
  options.recognizer.model =
      config.model_path("stt.model", prot::instance_paths("default").cache, "ggml-base-q8_0.bin");
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool takes_value =
        argument == "--lang" || argument == "--model" || argument == "--threads" || argument == "--names";
    if (takes_value && i + 1 == argc) throw prot::UsageError(argument + " needs a value");
    if (argument == "--lang")
      options.recognizer.language = argv[++i];
    else if (argument == "--model")
      options.recognizer.model = argv[++i];
    else if (argument == "--threads")
      options.recognizer.threads = static_cast<unsigned>(std::max(1, std::atoi(argv[++i])));
    else if (argument == "--names")
      options.recognizer.key_terms = split(argv[++i]);
    else if (!argument.starts_with("--") && options.file.empty())
      options.file = argument;
    else
      throw prot::UsageError("unexpected argument '" + argument + "'");
  }
  if (options.file.empty()) throw prot::UsageError("a WAV file is needed");
  if (options.recognizer.language != "en" && options.recognizer.language != "ko")
    throw prot::UsageError("--lang must be en or ko");
  return options;
}

std::vector<std::int16_t> read_file(const std::string& path) {
  prot::audio::WavReader reader(path);
  prot::audio::Resampler resampler(reader.rate(), prot::wire::kMicRate);
  std::vector<std::int16_t> samples;
  resampler.process(reader.read_all(), samples);
  resampler.flush(samples);
  return samples;
}

int run(Options options) {
  const std::vector<std::int16_t> samples = read_file(options.file);
  const prot::ipc::Doorbell bell = prot::ipc::Doorbell::create();
  options.recognizer.wake = [&] { bell.ring(); };
  const auto names = prot::stt::recognizer_names();
  const auto recognizer = prot::stt::make_recognizer(names.front(), options.recognizer);
  recognizer->begin();
  recognizer->push(samples);
  recognizer->finish();
  std::optional<prot::stt::Recognition> answer;
  while (!(answer = recognizer->poll())) {
    pollfd waiting{bell.fd(), POLLIN, 0};
    (void)::poll(&waiting, 1, -1);
    bell.clear();
  }
  if (answer->failure != prot::stt::FailureClass::kNone) throw prot::Error(answer->text);
  prot::json::Writer out;
  out.begin_object().member("text", answer->text);
  out.member("audio_ms", samples.size() * 1000 / prot::wire::kMicRate);
  out.member("decode_ms", (answer->decode_end - answer->decode_start) / prot::kMillisecond).end_object();
  std::puts(out.str().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string_view(argv[1]) == "--help") return std::fputs(kUsage, stdout) < 0;
    return run(parse(argc, argv));
  } catch (const prot::UsageError& error) {
    std::fprintf(stderr, "run_recognizer: %s\n%s", error.what(), kUsage);
    return 2;
  } catch (const prot::Error& error) {
    std::fprintf(stderr, "run_recognizer: %s\n", prot::full_message(error).c_str());
    return error.exit_code();
  }
}
