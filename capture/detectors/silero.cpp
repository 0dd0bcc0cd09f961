#include <ggml.h>
#include <whisper.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

#include "base/error.hpp"
#include "base/log.hpp"
#include "detectors/backends.hpp"
#include "wire/speech_in.hpp"

namespace prot::capture {
namespace {

constexpr int kExitConfiguration = 78;

// The engine logs at every call; only its errors are of interest, and of those the first names the cause.
void on_log(ggml_log_level level, const char* text, void* first_error) {
  if (level != GGML_LOG_LEVEL_ERROR) return;
  std::string_view line(text);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  if (first_error == nullptr)
    log_error("{}", line);
  else if (auto& reason = *static_cast<std::string*>(first_error); reason.empty())
    reason.assign(line);
}

// The engine ends the process on some files that are not its own: look before it does. Empty: it may load it.
std::string fault_of(const std::string& model) {
  constexpr std::string_view kName = "silero";  // behind the magic and the name's length
  std::ifstream file(model, std::ios::binary);
  std::array<char, 8 + kName.size()> head{};
  if (!file) return "cannot be opened";
  if (!file.read(head.data(), head.size())) return "too short";
  const bool known = std::memcmp(head.data(), "lmgg", 4) == 0 &&
                     std::memcmp(head.data() + 8, kName.data(), kName.size()) == 0;
  return known ? "" : "no Silero model for ggml";
}

struct ContextCloser {
  void operator()(whisper_vad_context* context) const noexcept { whisper_vad_free(context); }
};

/// Silero by whisper.cpp's voice activity API: about 0.1 ms a window, on the caller's thread.
class SileroDetector final : public VoiceDetector {
 public:
  explicit SileroDetector(const std::string& model) {
    std::string reason = fault_of(model);
    if (reason.empty()) {
      whisper_log_set(on_log, &reason);
      whisper_vad_context_params params = whisper_vad_default_context_params();
      params.n_threads = 1;
      params.use_gpu = false;
      context_.reset(whisper_vad_init_from_file_with_params(model.c_str(), params));
      whisper_log_set(on_log, nullptr);
    }
    if (context_ == nullptr)
      throw Error("cannot load the voice activity model " + model + ": " + reason +
                      "; run ./run again to fetch it, or set capture.vad_model",
                  kExitConfiguration);
    // The first call allocates; the person should not wait for it.
    (void)probability(std::array<std::int16_t, wire::kMicWindow>{});
    reset();
  }

  float probability(std::span<const std::int16_t> window) noexcept override {
    std::transform(window.begin(), window.end(), samples_.begin(),
                   [](std::int16_t sample) { return static_cast<float>(sample) / 32768.0F; });
    if (!whisper_vad_detect_speech_no_reset(context_.get(), samples_.data(), wire::kMicWindow)) return 0;
    const int count = whisper_vad_n_probs(context_.get());
    return count > 0 ? whisper_vad_probs(context_.get())[count - 1] : 0;
  }
  void reset() noexcept override { whisper_vad_reset_state(context_.get()); }
  std::string_view name() const noexcept override { return "silero"; }

 private:
  std::unique_ptr<whisper_vad_context, ContextCloser> context_;
  std::array<float, wire::kMicWindow> samples_{};
};

}  // namespace

std::unique_ptr<VoiceDetector> make_silero_detector(const std::string& model) {
  return std::make_unique<SileroDetector>(model);
}

}  // namespace prot::capture
