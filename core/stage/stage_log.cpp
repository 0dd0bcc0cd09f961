#include "stage/stage_log.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "stage/model_specs.hpp"
#include "stage/recognizer_specs.hpp"
#include "stage/service_keys.hpp"

extern char** environ;  // NOLINT

namespace prot::stage {
namespace {

bool names_secret(std::string_view name) {
  for (const std::string_view end : {"_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "PASSWD", "DATABASE_URL"})
    if (name.ends_with(end)) return true;
  return name == "PGPASSWORD";
}

// Of "scheme://user:password@host/..." and "host=... password=...", and the whole.
void hide_database(const std::string& url) {
  hide_in_log(url);
  const std::size_t begin = url.find("://");
  const std::size_t at = url.find('@', begin == std::string::npos ? 0 : begin + 3);
  const std::size_t colon = begin == std::string::npos ? begin : url.find(':', begin + 3);
  if (colon != std::string::npos && at != std::string::npos && colon < at) {
    hide_in_log(url.substr(colon + 1, at - colon - 1));
    hide_in_log(url.substr(begin + 3, at - begin - 2));  // a password that is too short to be found alone
  }
  if (const std::size_t word = url.find("password="); word != std::string::npos)
    hide_in_log(url.substr(word + 9, url.find_first_of(" &", word) - word - 9));
}

}  // namespace

void prepare_log(const Config& config) {
  std::vector<std::string> keys = {config.get_string("brain.api_key_env"), voice_key_name(config),
                                   config.get_string("anthropic.api_key_env")};
  for (const ModelSpec& spec : model_specs(config)) keys.push_back(spec.key_name);
  for (const RecognizerSpec& spec : recognizer_specs(config)) keys.push_back(spec.key_name);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = pair.substr(0, equals);
    if (name == "DATABASE_URL")
      hide_database(std::string(pair.substr(equals + 1)));
    else if (names_secret(name) || std::find(keys.begin(), keys.end(), name) != keys.end())
      hide_in_log(std::string(pair.substr(equals + 1)));
  }
  hide_database(config.get_string("memory.database_url"));
  set_log_content(config.get_bool("general.log_content"));
}

StageLog::StageLog(StageContext& context)
    : wanted_(&context.board().supervisor().programs[context.program()].log_level), configured_(log_level()) {
  set_log_generation(context.environment().generation);
  set_log_turn([&page = context.board().conversation()] {
    return LogTurn{page.voice_turn.load(std::memory_order_relaxed),
                   static_cast<Nanos>(page.turn_began_ns.load(std::memory_order_relaxed))};
  });
  look();
}

StageLog::~StageLog() { set_log_turn({}); }

void StageLog::change(std::uint32_t wanted) noexcept {
  seen_ = wanted;
  const auto level = static_cast<LogLevel>(wanted - 1);
  set_log_level(wanted == 0 || level > LogLevel::kError ? configured_ : level);
}

}  // namespace prot::stage
