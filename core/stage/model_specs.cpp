#include "stage/model_specs.hpp"

#include <algorithm>
#include <sstream>

#include "base/error.hpp"
#include "stage/service_table.hpp"

namespace prot::stage {
namespace {

using Kind = ModelSpec::Kind;

struct Flag {
  std::string_view name;
  std::string_view values;
  bool openai;
  bool anthropic;
};

constexpr std::string_view kYesNo = "yes no";
constexpr Flag kFlags[] = {
    {"server", "llama ollama vllm openai", true, false},
    {"role", "system developer", true, false},
    {"limit", "max_tokens max_completion_tokens", true, false},
    {"tools", kYesNo, true, false},
    {"tool_choice", kYesNo, true, false},
    {"usage", kYesNo, true, false},
    {"schema", "schema object none", true, false},
    {"parallel", kYesNo, true, true},
    {"temperature", kYesNo, true, true},
    {"cache", kYesNo, false, true},
    {"context_management", kYesNo, false, true},
    {"web_search", kYesNo, false, true},
    {"effort", "none low medium high xhigh max", false, true},
    {"thinking", "off adaptive enabled", false, true},
};

bool fits(const Flag& flag, Kind kind) noexcept {
  return (kind == Kind::kOpenAi && flag.openai) || (kind == Kind::kAnthropic && flag.anthropic);
}

void add_flag(ModelSpec& spec, const std::string& name, const std::string& value) {
  const auto* const flag = std::find_if(std::begin(kFlags), std::end(kFlags), [&](const Flag& one) {
    return one.name == name && fits(one, spec.kind);
  });
  if (flag == std::end(kFlags)) {
    std::string known;
    for (const std::string& line : model_flags(spec.kind))
      known += (known.empty() ? "" : ", ") + line.substr(0, line.find(':'));
    throw UsageError("'" + name + "' is unknown there" + (known.empty() ? "" : "; there are " + known));
  }
  if (!has_word(flag->values, value))
    throw UsageError("'" + name + "' is one of: " + std::string(flag->values));
  spec.flags.emplace_back(name, value);
}

// "name=value"; the name alone has the value "".
std::pair<std::string, std::string> halves(const std::string& word) {
  const std::size_t equals = word.find('=');
  return {word.substr(0, equals), equals == std::string::npos ? "" : word.substr(equals + 1)};
}

ModelSpec base_spec(const Config& config, Kind kind) {
  ModelSpec spec;
  spec.kind = kind;
  if (kind == Kind::kAnthropic)
    return {kind,
            config.get_string("anthropic.url"),
            config.get_string("anthropic.model"),
            config.get_string("anthropic.api_key_env"),
            {}};
  return spec;
}

// "anthropic model=claude-haiku-4-5 effort=none"
ModelSpec parse_entry(const Config& config, const std::string& entry) {
  std::vector<std::pair<std::string, std::string>> words;
  std::istringstream stream(entry);
  Kind kind = Kind::kOpenAi;
  for (std::string word; stream >> word;) {
    if (word == "local") {
      kind = Kind::kLocal;
    } else if (word == "anthropic") {
      kind = Kind::kAnthropic;
    } else if (word != "openai") {
      words.push_back(halves(word));
    }
  }
  ModelSpec spec = base_spec(config, kind);
  for (const auto& [name, value] : words) {
    if (kind == Kind::kLocal) throw UsageError("'local' stands alone");
    if (name == "url") {
      spec.url = value;
    } else if (name == "model") {
      spec.model = value;
    } else if (name == "key") {
      spec.key_name = value;
    } else {
      add_flag(spec, name, value);
    }
  }
  if (kind == Kind::kOpenAi && spec.url.empty())
    throw UsageError(
        "an entry needs url=..., or is 'local' or "
        "'anthropic'");
  return spec;
}

ModelSpec first_spec(const Config& config) {
  const std::string& engine = config.get_string("brain.engine");
  const std::string& url = config.get_string("brain.url");
  if (url == "null:") return {Kind::kNull, {}, {}, {}, {}};
  Kind kind = engine == "anthropic"                ? Kind::kAnthropic
              : engine == "openai" || !url.empty() ? Kind::kOpenAi
                                                   : Kind::kLocal;
  if (engine == "local") kind = Kind::kLocal;
  ModelSpec spec = base_spec(config, kind);
  if (kind == Kind::kLocal) spec.model = config.get_string("brain.model");
  if (kind == Kind::kOpenAi) {
    spec.url = url.empty() ? std::string(service_row("brain", "openai").own_url) : url;
    spec.model = config.get_string("brain.model");
    spec.key_name = config.get_string("brain.api_key_env");
  }
  return spec;
}

void add_flags(const Config& config, ModelSpec& spec) {
  for (const std::string& word : config.get_list("brain.flags")) {
    const auto [name, value] = halves(word);
    add_flag(spec, name, value);
  }
}

}  // namespace

std::string_view ModelSpec::flag(std::string_view name) const noexcept {
  std::string_view found;
  for (const auto& one : flags)
    if (one.first == name) found = one.second;
  return found;
}

std::vector<ModelSpec> model_specs(const Config& config) {
  std::vector<ModelSpec> specs{first_spec(config)};
  if (specs.front().kind == Kind::kNull) return specs;
  add_flags(config, specs.front());
  for (const std::string& entry : config.get_list("brain.fallback"))
    specs.push_back(parse_entry(config, entry));
  return specs;
}

bool uses_local_model(const Config& config) {
  const std::vector<ModelSpec> specs = model_specs(config);
  return std::any_of(specs.begin(), specs.end(), [](const auto& spec) { return spec.kind == Kind::kLocal; });
}

long recall_tokens(const Config& config) {
  constexpr long kLocal = 120;
  constexpr long kOther = 3000;
  const long configured = config.get_int("memory.recall_tokens");
  if (configured >= 0) return configured;
  return first_spec(config).kind == Kind::kLocal ? kLocal : kOther;
}

void check_model_specs(const Config& config, std::vector<std::string>& errors) {
  ModelSpec first = first_spec(config);
  try {
    if (first.kind != Kind::kNull) add_flags(config, first);
  } catch (const UsageError& e) {
    errors.push_back(config.place("brain.flags") + "brain.flags: " + e.what());
  }
  for (const std::string& entry : config.get_list("brain.fallback")) {
    try {
      static_cast<void>(parse_entry(config, entry));
    } catch (const UsageError& e) {
      errors.push_back(config.place("brain.fallback") + "brain.fallback: '" + shown_text(entry) +
                       "': " + e.what());
    }
  }
}

std::vector<std::string> model_flags(Kind kind) {
  std::vector<std::string> lines;
  for (const Flag& flag : kFlags)
    if (fits(flag, kind)) lines.push_back(std::string(flag.name) + ": " + std::string(flag.values));
  return lines;
}

}  // namespace prot::stage
