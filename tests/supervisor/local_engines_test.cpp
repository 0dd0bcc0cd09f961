// What goes on when a service fails and the configuration does not say it: the engines of this machine.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "configuration.hpp"
#include "env_bench.hpp"

namespace prot::supervisor {
using test::Lines;
using test::Variable;
using test::write_env;

TEST_CASE("behind a service stands this machine's engine, where it is installed and nobody said otherwise") {
  const prot::test::TempFolder folder;
  const Variable cache("XDG_CACHE_HOME", folder.path().c_str());
  const std::string path =
      write_env(folder, "ANTHROPIC_API_KEY=sk-geheim\nELEVENLABS_API_KEY=sk-geheim\nELEVENLABS_VOICE_ID=v\n");
  const auto config = [&](const Lines& overrides) {
    return load_configuration({.env_file = path, .overrides = overrides}, {}).config;
  };
  const std::string program = "llm.program=" + (folder.path() / "llama-server").string();
  const std::string model = "llm.model=" + (folder.path() / "model.gguf").string();
  CHECK(config({program, model}).get_list("brain.fallback").empty());
  CHECK(config({}).get_list("tts.fallback_en") == Lines{"espeak"});
  for (const char* name : {"llama-server", "model.gguf", "voice.onnx", "voice.onnx.json", "words.bin"})
    std::ofstream(folder.path() / name) << "x";
  std::filesystem::permissions(folder.path() / "llama-server", std::filesystem::perms::owner_all);
  CHECK(config({program, model}).get_list("brain.fallback") == Lines{"local"});
  CHECK(config({program, model, "brain.fallback=[]"}).get_list("brain.fallback").empty());
  CHECK(config({program, model, "llm.enabled=false"}).get_list("brain.fallback").empty());
  for (const char* service :
       {"brain.engine=anthropic", "brain.engine=openai", "brain.url=http://127.0.0.1:1"})
    CHECK(config({program, model, service}).get_list("brain.fallback") == Lines{"local"});
  for (const char* own : {"brain.engine=local", "brain.url=null:"})
    CHECK(config({program, model, own}).get_list("brain.fallback").empty());
  CHECK(config({program, model, "general.keys_choose=false"}).get_list("brain.fallback").empty());
  const std::string voice = "tts.piper_model=" + (folder.path() / "voice.onnx").string();
  const Lines both = {"piper", "espeak"};
  CHECK(config({voice}).get_list("tts.fallback_en") == both);
  CHECK(config({voice, "tts.fallback_en=none"}).get_list("tts.fallback_en").empty());
  for (const char* service : {"elevenlabs", "openai", "wyoming"})
    CHECK(config({voice, std::string("tts.voice_en=") + service}).get_list("tts.fallback_en") == both);
  CHECK(config({voice, "tts.voice_en=piper"}).get_list("tts.fallback_en") == Lines{"espeak"});
  const std::string words = "stt.model=" + (folder.path() / "words.bin").string();
  CHECK(config({words}).get_list("stt.fallback") == Lines{"whisper"});
  for (const char* service : {"elevenlabs", "openai", "wyoming"})
    CHECK(config({words, "stt.url=http://127.0.0.1:1", std::string("stt.engine=") + service})
              .get_list("stt.fallback") == Lines{"whisper"});
  CHECK(config({words, "stt.engine=wyoming", "stt.fallback=[]"}).get_list("stt.fallback").empty());
  CHECK(config({words, "stt.engine=whisper"}).get_list("stt.fallback").empty());
}

}  // namespace prot::supervisor
