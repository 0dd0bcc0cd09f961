#include "environment_names.hpp"

#include <algorithm>

namespace prot::supervisor {
namespace {
using stage::ConfigKey;
using enum stage::ConfigType;
using Text = std::string_view;

constexpr ConfigKey number(Text name, Text fallback, double minimum, double maximum, Text unit, Text comment,
                           stage::ConfigType type = kInt) {
  return {.name = name,
          .type = type,
          .fallback = fallback,
          .minimum = minimum,
          .maximum = maximum,
          .unit = unit,
          .comment = comment};
}

constexpr ConfigKey kReserved[] = {
    number("RAG_TOP_K", "10", 1, 10'000, "memories", "prot fills the memory block up to its tokens"),
    number("DECAY_BASE_RATE", "", 0, 1000, "ratio", "memories that fade", kDouble),
    number("DECAY_MIN_RETENTION", "", 0, 1, "ratio", "memories that fade", kDouble),
};

constexpr RetiredName kRetired[] = {
    {"DEEPGRAM_*", "", "prot recognises speech on this machine"},
    {"SAMPLE_RATE", "16000", "speech is always taken at 16 kHz"},
    {"CHUNK_SIZE", "512", "a window always has 512 samples"},
};

}  // namespace

std::span<const ConfigKey> reserved_names() noexcept { return kReserved; }
std::span<const RetiredName> retired_names() noexcept { return kRetired; }

const RetiredName* find_retired(std::string_view name) noexcept {
  for (const RetiredName& row : kRetired) {
    const bool all = row.name.ends_with('*');
    if (all ? name.starts_with(row.name.substr(0, row.name.size() - 1)) : name == row.name) return &row;
  }
  return nullptr;
}

bool is_configuration_name(std::string_view name) noexcept {
  const auto keys = stage::config_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](const ConfigKey& key) { return key.environment == name || key.also == name; }) ||
         std::any_of(std::begin(kReserved), std::end(kReserved),
                     [&](const ConfigKey& key) { return key.name == name; }) ||
         find_retired(name) != nullptr;
}

std::string environment_tables() {
  std::string out =
      "\n## Accepted, used by nothing yet\n| environment | values | original | for |\n|---|---|---|---|\n";
  for (const ConfigKey& key : kReserved)
    out += "| `" + std::string(key.name) + "` | " + describe_type(key) + " | " + std::string(key.fallback) +
           " | " + std::string(key.comment) + " |\n";
  out += "\n## Retired: one line at the start, no effect\n| environment | silent | why |\n|---|---|---|\n";
  for (const RetiredName& row : kRetired)
    out += "| `" + std::string(row.name) + "` | " + std::string(row.harmless) + " | " +
           std::string(row.reason) + " |\n";
  return out;
}

}  // namespace prot::supervisor
