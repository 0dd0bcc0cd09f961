// run_prefix: how many words of a known text a WAV file holds. A speech recogniser is led along the text and
// asked behind each word whether it is more likely that nothing follows or that the next one does. Without
// the text it completes what was cut ("We sat in the car" for "We sat in").
#include <whisper.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "json/json.hpp"
#include "stage/config.hpp"
#include "wire/speech_in.hpp"

namespace {

constexpr const char* kUsage = "usage: run_prefix FILE.wav \"the whole text\"; English\n";
constexpr int kThreads = 1;  // two would wait for each other on a machine that is full
constexpr const char* kPunctuation = ".,;:!?";

std::vector<float> read_file(const std::string& path) {
  prot::audio::WavReader reader(path);
  prot::audio::Resampler resampler(reader.rate(), prot::wire::kMicRate);
  std::vector<std::int16_t> samples;
  resampler.process(reader.read_all(), samples);
  resampler.flush(samples);
  std::vector<float> out(samples.size());
  std::transform(samples.begin(), samples.end(), out.begin(),
                 [](std::int16_t sample) { return static_cast<float>(sample) / 32768.0F; });
  return out;
}

/// The decoder, made to say a given text token by token.
class Reader {
 public:
  Reader(const std::string& model, const std::vector<float>& audio) {
    whisper_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    whisper_context_params params = whisper_context_default_params();
    params.use_gpu = false;
    context_ = whisper_init_from_file_with_params(model.c_str(), params);
    if (context_ == nullptr) throw prot::Error("cannot load " + model);
    if (whisper_pcm_to_mel(context_, audio.data(), static_cast<int>(audio.size()), kThreads) != 0 ||
        whisper_encode(context_, 0, kThreads) != 0)
      throw prot::Error("whisper cannot encode the audio");
    feed({whisper_token_sot(context_), whisper_token_lang(context_, whisper_lang_id("en")),
          whisper_token_transcribe(context_), whisper_token_not(context_)});
  }
  ~Reader() { whisper_free(context_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void say(const std::string& text) { feed(tokens_of(text)); }
  /// How likely it ends here, without a mark, with one, or in the middle of a word.
  [[nodiscard]] double ends() const {
    double sum = likely(whisper_token_eot(context_));
    for (const char* mark : {".", "...", "-"})
      if (const std::vector<whisper_token> tokens = tokens_of(mark); tokens.size() == 1)
        sum += likely(tokens.front());
    return sum;
  }
  /// How likely this word is the next one.
  [[nodiscard]] double follows(const std::string& word) const { return likely(tokens_of(word).front()); }

 private:
  [[nodiscard]] std::vector<whisper_token> tokens_of(const std::string& text) const {
    std::vector<whisper_token> tokens(text.size() + 8);
    const int count =
        whisper_tokenize(context_, text.c_str(), tokens.data(), static_cast<int>(tokens.size()));
    tokens.resize(static_cast<std::size_t>(std::max(count, 0)));
    return tokens;
  }
  void feed(const std::vector<whisper_token>& tokens) {
    for (const whisper_token token : tokens)
      if (whisper_decode(context_, &token, 1, said_++, kThreads) != 0)
        throw prot::Error("whisper cannot decode");
  }
  [[nodiscard]] double likely(whisper_token token) const {
    const float* logits = whisper_get_logits(context_);
    const auto size = static_cast<std::size_t>(whisper_n_vocab(context_));
    const float top = *std::max_element(logits, logits + size);
    double all = 0;
    for (std::size_t i = 0; i < size; ++i) all += std::exp(static_cast<double>(logits[i] - top));
    return std::exp(static_cast<double>(logits[token] - top)) / all;
  }

  whisper_context* context_ = nullptr;
  int said_ = 0;
};

int run(const std::string& file, const std::string& text) {
  const prot::stage::Config config = prot::stage::Config::load("", {});
  Reader reader(config.model_path("stt.model", prot::instance_paths("default").cache, "ggml-base-q8_0.bin"),
                read_file(file));
  std::istringstream stream(text);
  const std::vector<std::string> words(std::istream_iterator<std::string>{stream}, {});
  std::size_t held = 0;
  while (held < words.size()) {
    const std::string& word = words[held];
    const std::size_t behind = word.find_last_not_of(kPunctuation) + 1;
    if (held > 0 && reader.ends() > reader.follows(" " + word)) break;
    reader.say(" " + word.substr(0, behind));
    ++held;
    if (behind < word.size()) reader.say(word.substr(behind));
  }
  prot::json::Writer out;
  out.begin_object().member("words", held).end_object();
  std::puts(out.str().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw prot::UsageError("a WAV file and a text are needed");
    return run(argv[1], argv[2]);
  } catch (const prot::UsageError& error) {
    std::fprintf(stderr, "run_prefix: %s\n%s", error.what(), kUsage);
    return 2;
  } catch (const prot::Error& error) {
    std::fprintf(stderr, "run_prefix: %s\n", full_message(error).c_str());
    return 1;
  }
}
