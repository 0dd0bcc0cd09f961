#include <filesystem>

#include "base/error.hpp"
#include "base/log.hpp"
#include "end_of_turn/backends.hpp"

namespace prot::capture {
namespace {

constexpr int kExitConfiguration = 78;

struct Backend {
  const char* name;
  std::unique_ptr<EndOfTurnModel> (*make)(const std::string& file);
};

// The best one first.
constexpr Backend kBackends[] = {
#ifdef PROT_HAVE_SMART_TURN
    {"smart_turn", make_smart_turn},
#endif
    {"silence", [](const std::string&) { return std::unique_ptr<EndOfTurnModel>(); }},
};

bool is_there(const std::string& file) {
  std::error_code none;
  return std::filesystem::exists(file, none);
}

}  // namespace

std::unique_ptr<EndOfTurnModel> make_end_of_turn_model(std::string_view name, const std::string& file) {
  constexpr std::string_view kSilence = "silence";
  for (const Backend& backend : kBackends) {
    if (name != "auto" && name != backend.name) continue;
    if (backend.name == kSilence || is_there(file)) return backend.make(file);
    const std::string message = "the end-of-turn model " + file + " is missing";
    if (name != "auto")
      throw Error(message + "; run ./run again to fetch it, or set capture.turn_model to silence",
                  kExitConfiguration);
    log_info("{}: silence alone ends a turn", message);
  }
  if (name != "smart_turn")
    throw UsageError("capture.turn_model: '" + std::string(name) +
                     "' is not one of: auto smart_turn silence");
  throw Error("capture.turn_model: smart_turn is not built in; build with the engines (./run)",
              kExitConfiguration);
}

std::vector<std::string> end_of_turn_models() {
  std::vector<std::string> names;
  for (const Backend& backend : kBackends) names.emplace_back(backend.name);
  return names;
}

}  // namespace prot::capture
