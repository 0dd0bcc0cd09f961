#include "voices/piper_config.hpp"

#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "json/json.hpp"

namespace prot::tts {

PiperConfig PiperConfig::load(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw errno_error("cannot open " + path);
  std::ostringstream text;
  text << file.rdbuf();
  const json::Document document = json::parse(text.str());
  PiperConfig config;
  config.rate = static_cast<unsigned>(document.get("audio").get("sample_rate").as_int());
  const json::View inference = document.get("inference");
  config.noise_scale = static_cast<float>(inference.get("noise_scale").as_double(config.noise_scale));
  config.length_scale = static_cast<float>(inference.get("length_scale").as_double(config.length_scale));
  config.noise_w = static_cast<float>(inference.get("noise_w").as_double(config.noise_w));
  config.many_speakers = document.get("num_speakers").as_int(1) > 1;
  config.espeak_voice = document.get("espeak").get("voice").as_string("en-us");
  const json::View map = document.get("phoneme_id_map");
  for (std::size_t i = 0; i < map.size(); ++i) {
    const std::string_view key = map.key_at(i);
    if (key.empty()) continue;
    std::vector<std::int64_t>& ids = config.ids[utf8::decode(key).code_point];
    for (std::size_t j = 0; j < map.at(i).size(); ++j) ids.push_back(map.at(i).at(j).as_int());
  }
  if (config.rate < 8000 || config.rate > 48'000 || config.ids.empty())
    throw Error(path + ": it is not the description of a Piper voice");
  return config;
}

std::size_t PiperConfig::append(std::string_view phonemes, std::vector<std::int64_t>& out) const {
  std::size_t added = 0;
  while (!phonemes.empty()) {
    const utf8::Decoded next = utf8::decode(phonemes);
    phonemes.remove_prefix(next.length);
    const auto found = ids.find(next.code_point);
    if (found == ids.end()) continue;
    for (const std::int64_t id : found->second) {
      out.push_back(id);
      out.push_back(kPiperPad);
    }
    ++added;
  }
  return added;
}

}  // namespace prot::tts
