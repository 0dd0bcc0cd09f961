#include "base/error.hpp"
#include "detectors/backends.hpp"

namespace prot::capture {
namespace {

struct Backend {
  const char* name;
  std::unique_ptr<VoiceDetector> (*make)(const std::string& model);
};

// The best one first.
constexpr Backend kBackends[] = {
#ifdef PROT_HAVE_WHISPER
    {"silero", make_silero_detector},
#endif
    {"energy", [](const std::string&) { return make_energy_detector(); }},
};

}  // namespace

std::unique_ptr<VoiceDetector> make_detector(std::string_view name, const std::string& model) {
  for (const Backend& backend : kBackends)
    if (name == "auto" || name == backend.name) return backend.make(model);
  std::string known;
  for (const std::string& other : detector_names()) known += " " + other;
  throw UsageError("capture.detector: '" + std::string(name) + "' is not one of: auto" + known);
}

std::vector<std::string> detector_names() {
  std::vector<std::string> names;
  for (const Backend& backend : kBackends) names.emplace_back(backend.name);
  return names;
}

}  // namespace prot::capture
