// prot.toml and .env: what is accepted is within its bounds and stays what it is; what is not, is told in one
// line for each mistake, which shows no secret. Input: .env, "====", prot.toml; or prot.toml alone.
#include <algorithm>
#include <cmath>

#include "base/terminal_words.hpp"
#include "stage/config.hpp"
#include "supervisor/env_file.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using stage::Config;
using stage::ConfigKey;
using stage::ConfigType;
using supervisor::EnvEntry;

namespace {

bool is_shown(std::string_view text) {
  if (!utf8::is_valid(text)) return false;
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    if (steers_terminal(next.code_point) && next.code_point != U'\n') return false;
    text.remove_prefix(next.length);
  }
  return true;
}

std::string in_quotes(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\n' || c == '\r') {
      out += c == '\n' ? "\\n" : "\\r";
      continue;
    }
    if (c == '"' || c == '\\' || c == '$') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::vector<EnvEntry> read_env(std::string_view text) {
  std::vector<std::string> errors;
  std::vector<EnvEntry> entries = supervisor::parse_env(".env", text, errors);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  require(entries.size() + errors.size() <= lines, "a line is an entry or a mistake");
  std::size_t line = 0;
  for (const EnvEntry& entry : entries) {
    require(entry.line > line && entry.line <= lines, "entries are in the order of their lines");
    line = entry.line;
    require(!entry.name.empty() && entry.name.find_first_of("= \t\r\n\"'#") == std::string::npos,
            "a name is one");
    std::vector<std::string> none;
    const auto again = supervisor::parse_env("", "export " + entry.name + "=" + in_quotes(entry.value), none);
    require(none.empty() && again.size() == 1 && again[0].name == entry.name && again[0].value == entry.value,
            "a value in quotes is the value");
  }
  for (const std::string& error : errors) require(error.starts_with(".env:"), "a mistake has its place");
  return entries;
}

void check_number(const ConfigKey& key, const Config& config) {
  const double value = key.type == ConfigType::kInt ? static_cast<double>(config.get_int(key.name))
                                                    : config.get_double(key.name);
  require(value >= key.minimum && value <= key.maximum, "a number is within its range");
}

void check(const Config& config) {
  const Config copy = Config::from_snapshot(config.snapshot("brain"));
  for (const ConfigKey& key : stage::config_keys()) {
    const std::string& text = config.text(key.name);
    require(utf8::is_valid(text) && text.find('\0') == std::string::npos, "a value is text");
    require(stage::config_value(key, text) == text, "an accepted value is accepted again, as it is");
    if (key.type == ConfigType::kInt || key.type == ConfigType::kDouble) check_number(key, config);
    if (key.type == ConfigType::kBool) (void)config.get_bool(key.name);
    if (key.type == ConfigType::kList) (void)config.get_list(key.name);
    if (!key.secret || stage::has_word(key.programs, "brain"))
      require(copy.text(key.name) == text, "a stage gets the value that was accepted");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  const std::vector<EnvEntry> entries = read_env(halves.first);
  const MemoryFile file(halves.second);
  stage::ConfigSources sources;
  sources.file = file.path();
  sources.file_required = true;
  sources.folder = "/";
  sources.environment = [&](std::string_view name) -> std::optional<stage::PlacedValue> {
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
      if (entry->name == name) return stage::PlacedValue{entry->value, ".env: "};
    return std::nullopt;
  };
  std::optional<Config> config;
  try {
    config = Config::load(sources);
  } catch (const stage::ConfigError& error) {
    require(!error.lines().empty(), "a refusal says why");
    for (const std::string& line : error.lines()) require(is_shown(line), "a mistake is told in plain text");
  }
  if (config) check(*config);
  return 0;
}
