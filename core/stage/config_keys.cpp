#include "stage/config_keys.hpp"

#include "stage/service_table.hpp"

namespace prot::stage {
namespace {
using enum ConfigType;
using Text = std::string_view;

constexpr ConfigKey text(Text name, Text fallback, Text programs, Text comment, Text environment = {}) {
  return {.name = name,
          .fallback = fallback,
          .programs = programs,
          .environment = environment,
          .comment = comment};
}
constexpr ConfigKey path(Text name, Text fallback, Text programs, Text comment) {
  ConfigKey key = text(name, fallback, programs, comment);
  key.file = true;
  return key;
}
constexpr ConfigKey choice(Text name, Text fallback, Text choices, Text programs, Text comment,
                           Text environment = {}) {
  ConfigKey key = text(name, fallback, programs, comment, environment);
  key.choices = choices;
  return key;
}
constexpr ConfigKey flag(Text name, Text fallback, Text programs, Text comment, Text environment = {}) {
  ConfigKey key = text(name, fallback, programs, comment, environment);
  key.type = kBool;
  return key;
}
constexpr ConfigKey number(ConfigType type, Text name, Text fallback, double minimum, double maximum,
                           Text unit, Text programs, Text comment, Text environment = {}) {
  ConfigKey key = text(name, fallback, programs, comment, environment);
  key.type = type;
  key.minimum = minimum;
  key.maximum = maximum;
  key.unit = unit;
  return key;
}
constexpr ConfigKey list(Text name, Text programs, Text comment, Text environment = {}) {
  ConfigKey key = text(name, "[]", programs, comment, environment);
  key.type = kList;
  return key;
}
constexpr ConfigKey choices(Text name, Text fallback, Text known, Text programs, Text comment) {
  ConfigKey key = text(name, fallback, programs, comment);
  key.type = kList;
  key.choices = known;
  return key;
}
constexpr ConfigKey tables(Text name, Text fields, Text programs, Text comment) {
  ConfigKey key = text(name, "[]", programs, comment);
  key.type = kTables;
  key.fields = fields;
  return key;
}
constexpr ConfigKey scaled(ConfigKey key, int scale) {
  key.environment_scale = scale;
  return key;
}
constexpr ConfigKey fixed(ConfigKey key) {
  key.fixed = true;
  return key;
}
constexpr ConfigKey secret(ConfigKey key) {
  key.secret = true;
  return key;
}

constexpr ConfigKey live(ConfigKey key) {
  key.live = true;
  return key;
}

constexpr Text kStages = "capture stt brain tts player memory";

constexpr ServiceWords kRecognizers = service_words("auto whisper", "stt.engine", "null");
constexpr ServiceWords kModels = service_words("auto local", "brain.engine");
constexpr ServiceWords kVoices = service_words("auto piper espeak", kVoiceKeys, "tone null");
constexpr ServiceWords kOtherVoices = service_words("espeak piper", kVoiceKeys, "tone");
constexpr ServiceWords kEmbedders = service_words("auto none hashed", "memory.embedder");
constexpr ServiceRow kAnthropic = service_row("brain", "anthropic");
constexpr ServiceRow kOpenAiModel = service_row("brain", "openai");
constexpr ServiceRow kElevenLabsVoice = service_row("tts", "elevenlabs");
constexpr ServiceRow kOpenAiVoice = service_row("tts", "openai");
constexpr ServiceRow kWyomingVoice = service_row("tts", "wyoming");

constexpr ConfigKey kKeys[] = {
    choice("general.language", "auto", "auto en ko", "stt brain tts",
           "language of the conversation; auto: from the locale", "STT_LANGUAGE"),
    live(choice("general.log_level", "info", "debug info warn|warning error|critical", kStages,
                "how much the stages say", "LOG_LEVEL")),
    flag("general.log_content", "false", kStages, "what is said may be in the log, at level debug"),
    flag("general.keys_choose", "true", "",
         "who has the key of a service in the environment wants it, where an engine is auto; false: only "
         "what is "
         "configured"),

    flag("supervisor.sandbox", "true", kStages,
         "stages give up what they do not need: privileges, system calls, network, writing elsewhere"),

    choice("capture.source", "auto", "auto pulse alsa wav null", "capture", "where the microphone is"),
    text("capture.device", "", "capture", "device of the source, or the WAV file; empty: its default"),
    number(kInt, "capture.device_index", "-1", -1, 9999, "row", "capture",
           "row of the microphone in prot doctor's list, instead of capture.device; -1: none",
           "MIC_DEVICE_INDEX"),
    choice("capture.echo_cancellation", "auto", "auto webrtc off", "capture brain",
           "removes what prot plays from the microphone; auto: where it is built in"),
    choice("capture.detector", "auto", "auto silero energy", "capture", "what finds speech"),
    path("capture.vad_model", "", "capture", "Silero model (ggml); empty: the installed one"),
    number(kDouble, "capture.vad_threshold", "0.5", 0.05, 0.99, "probability", "capture",
           "what counts as speech", "VAD_THRESHOLD"),
    number(kDouble, "capture.vad_threshold_speaking", "0.8", 0.05, 0.99, "probability", "capture",
           "the same while prot speaks", "VAD_THRESHOLD_SPEAKING"),
    number(kInt, "capture.confirm_windows", "3", 1, 50, "windows", "capture",
           "windows of 32 ms that start a segment"),
    number(kInt, "capture.barge_in_windows", "6", 1, 50, "windows", "capture",
           "windows of 32 ms that confirm speech (barge-in)"),
    number(kInt, "capture.pre_roll_windows", "8", 0, 30, "windows", "capture",
           "windows of 32 ms kept from before the speech", "VAD_PREBUFFER_CHUNKS"),
    number(kInt, "capture.lull_ms", "64", 32, 2000, "ms", "capture",
           "silence after which decoding starts on a guess"),
    number(kInt, "capture.pause_ms", "192", 32, 2000, "ms", "capture brain", "silence that makes a pause"),
    scaled(number(kInt, "capture.end_of_turn_ms", "750", 100, 3000, "ms", "capture",
                  "silence that ends the person's turn, until their pauses are known",
                  "STT_SILENCE_THRESHOLD_SECS"),
           1000),
    number(kInt, "capture.end_of_turn_min_ms", "320", 100, 3000, "ms", "capture",
           "the same when the words are complete, and the least that is learned"),
    number(kInt, "capture.end_of_turn_max_ms", "1500", 100, 10000, "ms", "capture",
           "the same when more must follow, and the most that is learned"),
    choice("capture.turn_model", "auto", "auto smart_turn silence", "capture",
           "what hears whether a turn goes on"),
    path("capture.turn_model_file", "", "capture", "Smart Turn model (onnx); empty: the installed one"),
    number(kInt, "capture.max_utterance_ms", "28000", 1000, 60000, "ms", "capture",
           "a longer utterance is ended"),

    choice("stt.engine", "auto", kRecognizers.text(), "stt",
           "the recogniser; openai: a service that speaks OpenAI's /v1/audio/transcriptions; elevenlabs: "
           "its realtime recognition; wyoming: a server of Home Assistant's kind; auto: elevenlabs where its "
           "key is there, else whisper"),
    path("stt.model", "", "stt", "whisper model (ggml); empty: the installed one"),
    number(kInt, "stt.threads", "2", 1, 64, "threads", "stt", "threads of the recogniser"),
    flag("stt.partials", "true", "stt",
         "decode at pauses, before the turn has ended (openai: where the service is on this machine)"),
    text("stt.url", "", "stt",
         "address of the service; empty: its own, as prot config keys tells it; openai needs one"),
    text("stt.model_name", "", "stt",
         "model name sent to the service; empty: the usual one of openai and elevenlabs, none for wyoming"),
    text("stt.api_key_env", "", "stt",
         "environment variable that holds the service's key; empty: its usual one"),
    flag("stt.plain_http", "false", "stt", "speech may go to another machine unencrypted"),
    number(kInt, "stt.first_byte_timeout_ms", "5000", 500, 15000, "ms", "stt",
           "a service that is silent longer has failed (openai, wyoming)"),
    number(kInt, "stt.answer_timeout_ms", "2000", 500, 15000, "ms", "stt",
           "elevenlabs has failed when the words do not come so long after they ended; after 40 % of it "
           "they are sent again on a new connection"),
    number(kInt, "stt.session_limit_s", "480", 30, 3600, "s", "stt",
           "a connection to elevenlabs that is older is replaced while nothing is said"),
    list("stt.fallback", "stt",
         "recognisers that go on in this order when one fails, see below; not set: whisper behind a service"),
    number(kInt, "stt.first_result_timeout_ms", "2500", 500, 15000, "ms", "stt",
           "a recogniser that has no words so long after they were asked for has failed, if another is left"),
    list("stt.key_terms", "stt", "names that are likely to be said, for elevenlabs: 50 of 20 characters"),

    choice(
        "brain.engine", "auto", kModels.text(), "brain memory",
        "which language model; auto: brain.url's server, else Anthropic's where its key is there, else the "
        "local llama-server"),
    text("brain.url", "", "brain memory", "OpenAI-compatible server; empty: OpenAI's own for that engine"),
    flag("brain.plain_http", "false", "brain memory",
         "key and conversation may go to another machine unencrypted"),
    text("brain.model", "", "brain memory", "model name sent to the server"),
    text("brain.api_key_env", kOpenAiModel.own_key_name, "brain memory",
         "environment variable that holds the key"),
    list("brain.flags", "brain", "what the model's server supports: \"server=ollama\" and others, see below"),
    number(kInt, "brain.max_tokens", "0", 0, 8192, "tokens", "brain",
           "longest reply; 0: what suits the model, 1500 for Anthropic's, else 160", "CLAUDE_MAX_TOKENS"),
    number(kDouble, "brain.temperature", "0.3", 0, 2, "ratio", "brain", "sampling temperature"),
    path("brain.persona_file", "", "brain",
         "UTF-8 file sent verbatim as the persona; empty: the built-in one"),
    number(kInt, "brain.history_tokens", "0", 0, 200000, "tokens", "brain",
           "history kept in the prompt; 0: what suits the model, 1200 for the local one, else 8000"),
    choice("brain.tools", "auto", "auto on off", "brain",
           "the model may use tools; auto: unless it is the local one"),
    number(kInt, "brain.tool_notice_ms", "1500", 0, 60000, "ms", "brain",
           "prot asks for patience when a tool takes longer; 0: never"),
    number(kDouble, "brain.active_timeout_s", "30", 1, 3600, "s", "brain",
           "this long after a reply: active -> idle", "ACTIVE_TIMEOUT"),
    flag("brain.barge_in", "true", "brain", "the person may interrupt", "BARGE_IN_ENABLED"),
    number(kInt, "brain.barge_in_grace_ms", "300", 0, 5000, "ms", "brain",
           "no barge-in in the first moment of a reply"),
    number(kInt, "brain.barge_in_ms", "700", 100, 5000, "ms", "brain",
           "speech this long before a silence interrupts if its words do not come; words do so at once"),
    list("brain.backchannels", "brain", "words that mean \"I am listening\"; empty: the built-in ones"),
    list("brain.stop_words", "brain", "words that silence prot; empty: the built-in ones"),
    number(kInt, "brain.first_byte_timeout_ms", "3000", 500, 120000, "ms", "brain",
           "a server that is silent longer has failed; the first of several has half of it"),
    number(kInt, "brain.last_model_wait_ms", "10000", 0, 120000, "ms", "brain",
           "so much longer the only server is waited for, or the last of several"),
    number(kInt, "brain.answer_limit_s", "300", 10, 3600, "s", "brain",
           "an answer of a server that goes on for longer than that behind its first word is cut"),
    number(kInt, "brain.answer_limit_kib", "64", 1, 1024, "KiB", "brain",
           "likewise one whose text is longer"),
    number(kInt, "brain.wait_notice_ms", "3000", 0, 60000, "ms", "brain",
           "prot asks for patience when nothing was to hear for so long; 0: never"),
    number(kInt, "brain.memory_read_ms", "600", 0, 60000, "ms", "brain",
           "a spoken answer's memory block is what the model reads in that time, by its own figures; 0: any"),
    number(kInt, "brain.warm_up_ms", "5000", 0, 8000, "ms", "brain",
           "at the start: so long brain waits for the local model to read the persona; 0: not at all"),
    choice("brain.preemptive", "auto", "auto on off", "brain",
           "ask the model at a pause, before the turn is over; auto: only the local one"),
    list(
        "brain.fallback", "brain",
        "models that go on in this order when one fails, see below; not set: the local one behind a service"),

    text("anthropic.url", kAnthropic.own_url, "brain memory",
         "Anthropic's Messages, or a server that speaks the same"),
    flag("anthropic.plain_http", "false", "brain memory",
         "key and conversation may go to another machine unencrypted"),
    text("anthropic.model", kAnthropic.own_model, "brain memory", "which of its models", "CLAUDE_MODEL"),
    text("anthropic.api_key_env", kAnthropic.own_key_name, "brain memory",
         "environment variable that holds the key"),
    choice("anthropic.effort", "medium", "none low medium high xhigh max", "brain",
           "how much it takes on; none: for models that know no effort", "CLAUDE_EFFORT"),
    choice("anthropic.thinking", "off", "off adaptive enabled", "brain",
           "it thinks before it answers; enabled: always, within anthropic.thinking_tokens"),
    number(kInt, "anthropic.thinking_tokens", "2048", 1024, 32000, "tokens", "brain",
           "for thoughts, on top of brain.max_tokens"),
    number(kInt, "anthropic.thinking_keep_turns", "0", 0, 10000, "turns", "brain",
           "thoughts of so many turns are kept; 0: no word of it to the service", "THINKING_KEEP_TURNS"),
    number(kInt, "anthropic.tool_clear_tokens", "0", 0, 10000000, "tokens", "brain",
           "above this the service clears old results of tools; 0: never", "TOOL_CLEAR_TRIGGER"),
    number(kInt, "anthropic.tool_keep_uses", "3", 0, 10000, "uses", "brain", "but for the newest so many",
           "TOOL_CLEAR_KEEP"),
    number(kInt, "anthropic.compaction_tokens", "0", 0, 10000000, "tokens", "brain",
           "above this, at least 50000, the service sums the beginning up; 0: never", "COMPACTION_TRIGGER"),
    flag("anthropic.compaction_pause", "true", "brain", "it pauses behind that, and is asked again",
         "PAUSE_AFTER_COMPACTION"),
    flag("anthropic.web_search", "true", "brain",
         "it may search the web, once a question; needs brain.tools"),
    text("anthropic.search_city", "", "brain", "where the person is, for searches; empty: not told"),
    text("anthropic.search_region", "", "brain", "likewise"),
    text("anthropic.search_country", "", "brain", "likewise; two letters"),
    text("anthropic.search_time_zone", "", "brain", "likewise; as in Asia/Seoul"),
    number(kInt, "anthropic.slow_timeout_ms", "20000", 1000, 120000, "ms", "brain",
           "it may be silent so long while it thinks, searches or writes a call"),

    text("home_assistant.url", "", "brain", "Home Assistant, as http://homeassistant.local:8123; empty: none",
         "HASS_URL"),
    text("home_assistant.token_env", service_row("brain", "home").own_key_name, "brain",
         "environment variable that holds its long-lived access token"),
    text("home_assistant.agent_id", "", "brain", "conversation agent for hass_request; empty: its default",
         "HASS_AGENT_ID"),
    choice("home_assistant.plain_http", "home", "home always never", "brain",
           "where the token may go unencrypted; home: to this machine, private addresses and .local names"),
    path("home_assistant.ca_file", "", "brain",
         "certificate (PEM) of a server that signed its own; empty: the system's"),
    list("home_assistant.confirm_domains", "brain",
         "domains whose services need a spoken yes, besides all that are not known to be harmless"),
    list("home_assistant.free_domains", "brain",
         "domains whose services need none, besides light, media_player and the other harmless ones"),
    number(kInt, "home_assistant.time_limit_ms", "10000", 1000, 60000, "ms", "brain",
           "longest state or service call"),
    number(kInt, "home_assistant.agent_time_limit_ms", "15000", 1000, 60000, "ms", "brain",
           "longest answer of the conversation agent"),

    tables("mcp.servers", "name! command[]! environment[] confirm[]", "brain",
           "tools of MCP servers over stdio; environment: names that are passed on, or NAME=value"),
    number(kInt, "mcp.start_timeout_ms", "10000", 1000, 120000, "ms", "brain",
           "an MCP server that is silent longer at its start is ended and tried again"),
    number(kInt, "mcp.time_limit_ms", "10000", 1000, 120000, "ms", "brain", "longest call of an MCP tool"),

    choice("tts.voice_en", "auto", kVoices.text(), "tts",
           "English voice; auto: elevenlabs where its key and a voice are there, else piper"),
    choice("tts.voice_ko", "auto", kVoices.text(), "tts",
           "Korean voice; auto: elevenlabs where its key and a voice are there, else espeak"),
    choices("tts.fallback_en", R"(["espeak"])", kOtherVoices.text(), "tts",
            "voices that speak English in this order when that one fails or is missing; not set: those of "
            "this machine"),
    choices("tts.fallback_ko", R"(["espeak"])", kOtherVoices.text(), "tts",
            "voices that speak Korean in this order when that one fails or is missing"),
    number(kInt, "tts.first_audio_timeout_ms", "3000", 200, 15000, "ms", "tts",
           "a voice that is silent longer has failed"),
    path("tts.pronunciation_file", "", "tts",
         "UTF-8 lines \"written = spoken\", sections [en] and [ko]; empty: none"),
    path("tts.piper_model", "", "tts", "Piper voice (onnx, with .json beside it); empty: the installed one"),
    number(kInt, "tts.espeak_wpm", "165", 80, 450, "words/min", "tts", "speed of espeak-ng"),
    text("tts.elevenlabs_voice", "", "tts", "id of ElevenLabs' voice; its key is ELEVENLABS_API_KEY",
         "ELEVENLABS_VOICE_ID"),
    text("tts.elevenlabs_model", kElevenLabsVoice.own_model, "tts", "ElevenLabs' model for speech",
         "ELEVENLABS_MODEL"),
    choice("tts.elevenlabs_format", "pcm_24000",
           "pcm_8000 pcm_16000 pcm_22050 pcm_24000 pcm_32000 pcm_44100 pcm_48000", "tts",
           "rate of ElevenLabs' samples; from 44100 on it wants a larger plan", "ELEVENLABS_OUTPUT_FORMAT"),
    text("tts.elevenlabs_url", "", "tts", "address of the service; empty: ElevenLabs' own"),
    choice("tts.elevenlabs_transport", "auto", "auto socket http", "tts",
           "how ElevenLabs speaks; auto: by WebSocket, where the model does"),
    choice("tts.elevenlabs_normalization", "auto", "auto on off", "tts",
           "ElevenLabs reads numbers and marks in words too; prot has done so before"),
    number(kDouble, "tts.elevenlabs_stability", "0.5", 0, 1, "ratio", "tts", "ElevenLabs' voice setting"),
    number(kDouble, "tts.elevenlabs_similarity", "0.75", 0, 1, "ratio", "tts", "ElevenLabs' voice setting"),
    number(kDouble, "tts.elevenlabs_style", "0", 0, 1, "ratio", "tts", "ElevenLabs' voice setting"),
    number(kDouble, "tts.elevenlabs_speed", "1", 0.7, 1.2, "ratio", "tts", "ElevenLabs' voice setting"),
    number(kInt, "tts.elevenlabs_timeout_ms", "1000", 300, 15000, "ms", "tts",
           "without a sound for so long ElevenLabs is asked again on a new connection, then given up"),
    text("tts.openai_url", kOpenAiVoice.own_url, "tts", "a service that speaks OpenAI's /v1/audio/speech"),
    text("tts.openai_api_key_env", kOpenAiVoice.own_key_name, "tts",
         "environment variable that holds its key"),
    text("tts.openai_model", kOpenAiVoice.own_model, "tts", "its model"),
    text("tts.openai_voice_en", "alloy", "tts", "its voice for English"),
    text("tts.openai_voice_ko", "alloy", "tts", "its voice for Korean"),
    text("tts.openai_instructions", "", "tts",
         "how it is to speak, for models that take that; empty: not told"),
    choice("tts.openai_format", "pcm", "pcm wav", "tts", "form of its samples; wav says their rate"),
    number(kInt, "tts.openai_rate_hz", "24000", 8000, 48000, "Hz", "tts",
           "rate of pcm; some servers send their voice's own"),
    number(kDouble, "tts.openai_speed", "1", 0.25, 4, "ratio", "tts", "how fast it speaks"),
    number(kInt, "tts.openai_timeout_ms", "1400", 300, 15000, "ms", "tts",
           "without a sound for so long it is asked again, then given up"),
    text("tts.wyoming_url", kWyomingVoice.own_url, "tts",
         "where a Wyoming voice listens (Home Assistant's Piper)"),
    text("tts.wyoming_voice_en", "", "tts", "its English voice, by name; empty: the server's own"),
    text("tts.wyoming_voice_ko", "", "tts", "its Korean voice, likewise"),
    number(kInt, "tts.wyoming_timeout_ms", "2500", 300, 15000, "ms", "tts",
           "without a sound for so long it has failed"),
    flag("tts.plain_http", "false", "tts", "what prot says may go to another machine unencrypted"),

    choice("player.sink", "auto", "auto pulse alsa wav null", "player", "where the loudspeaker is"),
    text("player.device", "", "player", "device of the sink, or the WAV file; empty: its default"),
    flag("player.headphones", "false", "capture brain",
         "the output cannot reach the microphone: barge-in is safe"),
    number(kInt, "player.sentence_silence_ms", "200", 0, 2000, "ms", "player", "silence between sentences",
           "TTS_SENTENCE_SILENCE_MS"),

    fixed(flag("memory.enabled", "true", "brain memory", "long-term memory")),
    choice("memory.store", "postgres", "postgres ram", "memory",
           "ram: nothing outlives the process, and the child db is not started"),
    secret(text("memory.database_url", "", "memory", "PostgreSQL; empty: a private cluster (child db)",
                "DATABASE_URL")),
    text("memory.extraction_model", "", "memory",
         "model that extracts facts; empty: the conversation's, of the same server",
         "MEMORY_EXTRACTION_MODEL"),
    number(
        kInt, "memory.recall_tokens", "-1", -1, 20000, "tokens", "brain memory",
        "size of the memory block in the prompt; -1: what suits the model, 120 for the local one, else 3000",
        "RAG_CONTEXT_TARGET_TOKENS"),
    number(kInt, "memory.index_mib", "64", 1, 4096, "MiB", "memory",
           "what recall's index of messages may take: some 200,000; older ones stay in the database"),
    flag("memory.conversation_log", "false", "memory",
         "write what is said to conversations/YYYY-MM-DD.jsonl in the state folder, too"),
    number(kInt, "memory.conversation_log_days", "0", 0, 36500, "days", "memory",
           "older ones of these files go; 0: none does"),
    number(kInt, "memory.conversation_log_mib", "256", 1, 65536, "MiB", "memory",
           "what all of them may take; the oldest go first"),
    flag("memory.extraction", "true", "memory", "extract facts in the background"),
    number(kDouble, "memory.extraction_idle_s", "5", 0, 3600, "s", "memory",
           "extraction waits for this much idleness"),
    number(kDouble, "memory.drain_model_s", "8", 0, 600, "s", "memory",
           "at stop: time for model calls under way"),

    choice("memory.embedder", "auto", kEmbedders.text(), "memory",
           "who makes vectors; auto: Voyage where its key is, else memory.embedding_url, else hashed here"),
    text("memory.embedding_url", "", "memory", "where /v1/embeddings is; empty: the service's own"),
    flag("memory.embedding_plain_http", "false", "memory", "keys and memories may leave unencrypted"),
    text("memory.embedding_model", "", "memory", "its model; empty: Voyage's voyage-4-lite", "VOYAGE_MODEL"),
    number(kInt, "memory.embedding_dimension", "0", 0, 4096, "numbers", "memory",
           "size of a vector; 0: the model's own", "VOYAGE_DIMENSION"),
    text("memory.embedding_key_env", "", "memory", "environment variable of its key; empty: its usual one"),
    text("memory.embedding_query_prefix", "", "memory", "before a question, for models that want one"),
    text("memory.embedding_document_prefix", "", "memory", "likewise before what is remembered"),
    number(kInt, "memory.vector_mib", "256", 1, 4096, "MiB", "memory",
           "what vectors may take: some 120,000 of 1,024 numbers; the oldest go first"),
    text("memory.rerank_model", "", "memory", "orders what was found: rerank-2.5; empty: none",
         "RERANK_MODEL"),
    text("memory.rerank_url", "", "memory", "where /v1/rerank is; empty: Voyage's"),
    text("memory.rerank_key_env", "", "memory", "environment variable of its key; empty: Voyage's, or none"),
    number(kInt, "memory.rerank_top_k", "30", 2, 1000, "memories", "memory", "how many it reads",
           "RERANK_TOP_K"),

    fixed(flag("llm.enabled", "true", "llm", "start llama-server when it is one of the language models")),
    path("llm.program", "", "llm", "llama-server; empty: the installed one, else from PATH"),
    path("llm.model", "", "llm", "GGUF file; empty: the installed one"),
    number(kInt, "llm.threads", "2", 1, 64, "threads", "llm", "threads of llama-server"),
    number(kInt, "llm.context_tokens", "4096", 1024, 131072, "tokens", "llm",
           "context of each of the two slots"),
    number(kInt, "llm.first_byte_timeout_ms", "15000", 500, 120000, "ms", "brain",
           "the local model has failed when it is silent longer; it may have to read a long prompt first"),

    fixed(path("db.program_folder", "", "db", "PostgreSQL's bin folder; empty: Debian's")),
    fixed(path("db.folder", "", "db", "data folder; empty: in the instance's state folder")),
    fixed(text("db.user", "prot", "db", "system user of the database when prot runs as root")),

    list("web.cors_origins", "", "origins that may use the HTTP interface (nothing uses it yet)",
         "CORS_ORIGINS"),
};

}  // namespace

std::span<const ConfigKey> config_keys() noexcept { return kKeys; }

}  // namespace prot::stage
