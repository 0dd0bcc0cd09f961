#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace prot::stage {

/// A service of other people, as one part of prot uses it. A value.
struct ServiceRow {
  std::string_view name;          // "ElevenLabs recognition"
  std::string_view program;       // the stage that asks it
  std::string_view protocol;      // how it is asked: core/services/probe.hpp
  std::string_view chosen_by;     // keys of the configuration, texts or lists; empty: its address alone
  std::string_view word;          // what these say
  std::string_view url_key;       // of the configuration
  std::string_view own_url;       // where that is empty; empty: one must be named
  std::string_view key_name_key;  // names the environment variable of its key; empty: always the next
  std::string_view own_key_name;
  std::string_view plain_key;  // may it be reached unencrypted?
  std::string_view model_key;
  std::string_view own_model;
  std::string_view ca_file_key = {};
};

inline constexpr std::string_view kVoiceKeys = "tts.voice_en tts.voice_ko tts.fallback_en tts.fallback_ko";

/// The only place that knows the addresses, the names of the keys and the models of services: the defaults
/// and choices of the configuration, the stages, `prot config keys` and `prot doctor --services` take them
/// from here. A new service is a line, beside its file and its line in its stage's registry.
inline constexpr auto kServiceRows = std::to_array<ServiceRow>({
    {"Anthropic", "brain", "anthropic", "brain.engine", "anthropic", "anthropic.url",
     "https://api.anthropic.com", "anthropic.api_key_env", "ANTHROPIC_API_KEY", "anthropic.plain_http",
     "anthropic.model", "claude-sonnet-4-6"},
    {"OpenAI-compatible model", "brain", "openai-chat", "brain.engine", "openai", "brain.url",
     "https://api.openai.com/v1", "brain.api_key_env", "OPENAI_API_KEY", "brain.plain_http", "brain.model",
     ""},
    {"ElevenLabs recognition", "stt", "elevenlabs-realtime", "stt.engine", "elevenlabs", "stt.url",
     "https://api.elevenlabs.io", "stt.api_key_env", "ELEVENLABS_API_KEY", "stt.plain_http", "stt.model_name",
     "scribe_v2_realtime"},
    {"OpenAI-compatible recognition", "stt", "openai-transcription", "stt.engine", "openai", "stt.url", "",
     "stt.api_key_env", "OPENAI_API_KEY", "stt.plain_http", "stt.model_name", "whisper-1"},
    {"Wyoming recognition", "stt", "wyoming", "stt.engine", "wyoming", "stt.url", "tcp://127.0.0.1:10300", "",
     "", "stt.plain_http", "", ""},
    {"ElevenLabs voice", "tts", "elevenlabs-voice", kVoiceKeys, "elevenlabs", "tts.elevenlabs_url",
     "https://api.elevenlabs.io", "", "ELEVENLABS_API_KEY", "tts.plain_http", "tts.elevenlabs_model",
     "eleven_flash_v2_5"},
    {"OpenAI-compatible voice", "tts", "openai-speech", kVoiceKeys, "openai", "tts.openai_url",
     "https://api.openai.com/v1", "tts.openai_api_key_env", "OPENAI_API_KEY", "tts.plain_http",
     "tts.openai_model", "gpt-4o-mini-tts"},
    {"Wyoming voice", "tts", "wyoming", kVoiceKeys, "wyoming", "tts.wyoming_url", "tcp://127.0.0.1:10200", "",
     "", "tts.plain_http", "", ""},
    {"Voyage vectors", "memory", "embeddings", "memory.embedder", "voyage", "memory.embedding_url",
     "https://api.voyageai.com/v1", "memory.embedding_key_env", "VOYAGE_API_KEY",
     "memory.embedding_plain_http", "memory.embedding_model", "voyage-4-lite"},
    {"OpenAI-compatible vectors", "memory", "embeddings", "memory.embedder", "openai", "memory.embedding_url",
     "https://api.openai.com/v1", "memory.embedding_key_env", "OPENAI_API_KEY", "memory.embedding_plain_http",
     "memory.embedding_model", ""},
    {"reranker", "memory", "rerank", "memory.rerank_model", "rerank", "memory.rerank_url",
     "https://api.voyageai.com/v1", "memory.rerank_key_env", "VOYAGE_API_KEY", "memory.embedding_plain_http",
     "memory.rerank_model", ""},
    {"Home Assistant", "brain", "home-assistant", "", "home", "home_assistant.url", "",
     "home_assistant.token_env", "HASS_TOKEN", "", "", "", "home_assistant.ca_file"},
    {"database", "memory", "postgres", "", "postgres", "memory.database_url", "", "", "",
     "memory.database_plain", "", ""},
});

/// Null: the program has no such service.
[[nodiscard]] constexpr const ServiceRow* find_service(std::string_view program, std::string_view word) {
  const auto* const found =
      std::find_if(kServiceRows.begin(), kServiceRows.end(),
                   [&](const ServiceRow& row) { return row.program == program && row.word == word; });
  return found == kServiceRows.end() ? nullptr : found;
}
/// One that is there: else it does not compile.
[[nodiscard]] consteval ServiceRow service_row(std::string_view program, std::string_view word) {
  return *find_service(program, word);
}

/// The port of an address of the table.
[[nodiscard]] constexpr std::string_view port_of(std::string_view url) {
  return url.substr(url.rfind(':') + 1);
}

/// Words with spaces between, made by the compiler.
struct ServiceWords {
  std::array<char, 120> letters{};
  std::size_t size = 0;

  constexpr void add(std::string_view word) {
    if (size > 0 && !word.empty()) letters[size++] = ' ';
    for (const char letter : word) letters[size++] = letter;
  }
  [[nodiscard]] constexpr std::string_view text() const { return {letters.data(), size}; }
};
/// What `key` of the configuration may say: the words of its services, and what stands around them.
[[nodiscard]] consteval ServiceWords service_words(std::string_view before, std::string_view key,
                                                   std::string_view after = {}) {
  ServiceWords words;
  words.add(before);
  for (const ServiceRow& row : kServiceRows)
    if (row.chosen_by == key) words.add(row.word);
  words.add(after);
  return words;
}

}  // namespace prot::stage
