#include "stage/config.hpp"

namespace prot::stage {
namespace {
using enum ConfigType;

// name, type, default, minimum, maximum, environment, comment
constexpr ConfigKey kKeys[] = {
    {"general.language", kString, "auto", 0, 0, "", "\"en\", \"ko\" or \"auto\" (from the locale)"},
    {"general.log_level", kString, "info", 0, 0, "LOG_LEVEL", "debug, info, warn or error"},

    {"capture.source", kString, "auto", 0, 0, "", "auto, pulse, alsa, wav or null"},
    {"capture.device", kString, "", 0, 0, "", "device of the source, or the WAV file; empty: its default"},
    {"capture.device_index", kInt, "-1", -1, 9999, "MIC_DEVICE_INDEX",
     "row of the microphone in prot doctor's list, instead of capture.device; -1: none"},
    {"capture.detector", kString, "auto", 0, 0, "", "auto, silero or energy"},
    {"capture.vad_model", kString, "", 0, 0, "", "Silero model (ggml); empty: the installed one"},
    {"capture.vad_threshold", kDouble, "0.5", 0.05, 0.99, "VAD_THRESHOLD",
     "speech probability that counts as speech"},
    {"capture.vad_threshold_speaking", kDouble, "0.8", 0.05, 0.99, "VAD_THRESHOLD_SPEAKING",
     "the same while prot speaks"},
    {"capture.confirm_windows", kInt, "3", 1, 50, "", "windows of 32 ms that start a segment"},
    {"capture.barge_in_windows", kInt, "6", 1, 50, "", "windows of 32 ms that confirm speech (barge-in)"},
    {"capture.pre_roll_windows", kInt, "8", 0, 30, "VAD_PREBUFFER_CHUNKS",
     "windows kept from before the speech"},
    {"capture.pause_ms", kInt, "192", 32, 2000, "", "silence after which decoding starts on a guess"},
    {"capture.end_of_turn_ms", kInt, "550", 100, 3000, "", "silence that ends the person's turn"},
    {"capture.max_utterance_ms", kInt, "28000", 1000, 60000, "", "a longer utterance is ended"},

    {"stt.engine", kString, "whisper", 0, 0, "", "whisper or null"},
    {"stt.model", kString, "", 0, 0, "", "whisper model (ggml); empty: the installed one"},
    {"stt.threads", kInt, "2", 1, 64, "", "threads of the recogniser"},
    {"stt.partials", kBool, "true", 0, 0, "", "decode at pauses, before the turn has ended"},

    {"brain.url", kString, "", 0, 0, "", "OpenAI-compatible server; empty: the local llama-server"},
    {"brain.model", kString, "", 0, 0, "", "model name sent to the server"},
    {"brain.api_key_env", kString, "OPENAI_API_KEY", 0, 0, "", "environment variable that holds the key"},
    {"brain.max_tokens", kInt, "160", 16, 8192, "CLAUDE_MAX_TOKENS", "longest reply"},
    {"brain.temperature", kDouble, "0.3", 0, 2, "", "sampling temperature"},
    {"brain.persona_file", kString, "", 0, 0, "",
     "UTF-8 file sent verbatim as the persona; empty: the built-in one"},
    {"brain.history_tokens", kInt, "1200", 100, 200000, "", "history kept in the prompt"},
    {"brain.active_timeout_s", kDouble, "30", 1, 3600, "ACTIVE_TIMEOUT", "active -> idle"},
    {"brain.barge_in", kBool, "true", 0, 0, "BARGE_IN_ENABLED", "the person may interrupt"},
    {"brain.barge_in_grace_ms", kInt, "300", 0, 5000, "", "no barge-in in the first moment of a reply"},
    {"brain.first_byte_timeout_ms", kInt, "15000", 500, 120000, "",
     "a model that is silent longer has failed"},

    {"tts.voice_en", kString, "piper", 0, 0, "", "English voice: piper, espeak, tone or null"},
    {"tts.voice_ko", kString, "espeak", 0, 0, "", "Korean voice: espeak, tone or null"},
    {"tts.piper_model", kString, "", 0, 0, "",
     "Piper voice (onnx, with .json beside it); empty: the installed one"},
    {"tts.espeak_wpm", kInt, "165", 80, 450, "", "words a minute of espeak-ng"},

    {"player.sink", kString, "auto", 0, 0, "", "auto, pulse, alsa, wav or null"},
    {"player.device", kString, "", 0, 0, "", "device of the sink, or the WAV file; empty: its default"},
    {"player.headphones", kBool, "false", 0, 0, "",
     "the output cannot reach the microphone: barge-in is safe"},
    {"player.sentence_silence_ms", kInt, "200", 0, 2000, "TTS_SENTENCE_SILENCE_MS",
     "silence between segments"},

    {"memory.enabled", kBool, "true", 0, 0, "", "long-term memory"},
    {"memory.store", kString, "postgres", 0, 0, "", "postgres, or ram: nothing outlives the process"},
    {"memory.database_url", kString, "", 0, 0, "DATABASE_URL",
     "PostgreSQL; empty: a private cluster (child db)"},
    {"memory.recall_tokens", kInt, "120", 0, 20000, "", "size of the memory block in the prompt"},
    {"memory.extraction", kBool, "true", 0, 0, "", "extract facts in the background"},
    {"memory.extraction_idle_s", kDouble, "5", 0, 3600, "", "extraction waits for this much idleness"},
    {"memory.drain_model_s", kDouble, "8", 0, 600, "", "at stop: time for model calls under way"},

    {"llm.enabled", kBool, "true", 0, 0, "", "start llama-server when brain.url is empty"},
    {"llm.program", kString, "", 0, 0, "", "llama-server; empty: the installed one, else from PATH"},
    {"llm.model", kString, "", 0, 0, "", "GGUF file; empty: the installed one"},
    {"llm.threads", kInt, "2", 1, 64, "", "threads of llama-server"},
    {"llm.context_tokens", kInt, "4096", 1024, 131072, "", "context of each of the two slots"},

    {"db.program_folder", kString, "", 0, 0, "", "PostgreSQL's bin folder; empty: Debian's"},
    {"db.folder", kString, "", 0, 0, "", "data folder; empty: in the instance's state folder"},
    {"db.user", kString, "prot", 0, 0, "", "system user of the database when prot runs as root"},
};
}  // namespace

std::span<const ConfigKey> config_keys() noexcept { return kKeys; }

}  // namespace prot::stage
