#include "stage/config_keys.hpp"

namespace prot::stage {
namespace {

constexpr std::string_view kOwnHistory = "prot itself keeps the history short (brain.history_tokens)";

// Only what is known of the original; a key that is not here had no counterpart.
constexpr OriginalDefault kOriginals[] = {
    {"general.language", "ko", "the locale says it; STT_LANGUAGE=ko restores it"},
    {"capture.vad_threshold", "0.5", ""},
    {"capture.vad_threshold_speaking", "0.8", ""},
    {"capture.confirm_windows", "3", ""},
    {"capture.barge_in_windows", "6", ""},
    {"capture.pre_roll_windows", "8", ""},
    {"capture.end_of_turn_ms", "1500", "its longest avoidable wait: decoding begins at a pause already"},
    {"brain.max_tokens", "1500", "the same with Anthropic; others are often slow"},
    {"brain.active_timeout_s", "30", ""},
    {"home_assistant.time_limit_ms", "10000", ""},
    {"home_assistant.agent_time_limit_ms", "15000", ""},
    {"brain.barge_in_grace_ms", "1500", "a suspicion only holds the voice; when it was none, prot speaks on"},
    {"anthropic.effort", "medium", ""},
    {"anthropic.thinking_keep_turns", "2", kOwnHistory},
    {"anthropic.tool_clear_tokens", "30000", kOwnHistory},
    {"anthropic.tool_keep_uses", "3", ""},
    {"anthropic.compaction_tokens", "50000", kOwnHistory},
    {"anthropic.compaction_pause", "true", ""},
    {"tts.elevenlabs_model", "eleven_multilingual_v2", "its first sound comes much later than flash's"},
    {"tts.elevenlabs_format", "pcm_24000", ""},
    {"player.sentence_silence_ms", "200", ""},
    {"memory.db_pool_min", "2", ""},
    {"memory.db_pool_max", "10", ""},
    {"memory.embedding_model", "voyage-4-lite", "the same: empty means it, where Voyage makes the vectors"},
    {"memory.recall_tokens", "3000", "the same but for the local model, which reads 77 tokens a second"},
};

}  // namespace

std::span<const OriginalDefault> original_defaults() noexcept { return kOriginals; }

}  // namespace prot::stage
