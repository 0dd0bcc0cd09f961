#include "tests/support/synthetic_speech.hpp"

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "base/subprocess.hpp"
#include "tests/support/temp_folder.hpp"
#include "wire/speech_in.hpp"

namespace prot::test {

std::vector<std::int16_t> synthetic_speech(const std::string& text, const std::string& voice) {
  const TempFolder folder;
  const std::string file = (folder.path() / "speech.wav").string();
  const SubprocessResult result = run_subprocess({"espeak-ng", "-v", voice, "-w", file, text});
  if (result.exit_code != 0) throw Error("espeak-ng failed with " + std::to_string(result.exit_code));
  audio::WavReader reader(file);
  audio::Resampler resampler(reader.rate(), wire::kMicRate);
  std::vector<std::int16_t> samples;
  resampler.process(reader.read_all(), samples);
  resampler.flush(samples);
  return samples;
}

std::string installed_model(const std::string& file) {
  const std::filesystem::path path = instance_paths("default").cache / "models" / file;
  if (!std::filesystem::exists(path)) throw Error(path.string() + " is not installed: run ./run once");
  return path.string();
}

}  // namespace prot::test
