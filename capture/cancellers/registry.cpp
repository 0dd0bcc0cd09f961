#include <string>

#include "base/error.hpp"
#include "cancellers/backends.hpp"

namespace prot::capture {
namespace {

constexpr int kExitConfiguration = 78;

struct Backend {
  std::string_view name;
  std::unique_ptr<EchoCanceller> (*make)();  // null: not built in
};

constexpr Backend kBackends[] = {
#ifdef PROT_HAVE_WEBRTC
    {"webrtc", [] { return make_webrtc_canceller(); }},
#else
    {"webrtc", nullptr},
#endif
    {"none", [] { return std::unique_ptr<EchoCanceller>(); }},
};

}  // namespace

std::unique_ptr<EchoCanceller> make_echo_canceller(std::string_view name) {
  for (const Backend& backend : kBackends) {
    if (backend.name != name) continue;
    if (backend.make != nullptr) return backend.make();
    throw Error(
        "capture.echo_cancellation: '" + std::string(name) +
            "' is not built in; install libwebrtc-audio-processing-dev and build again, or set it to auto",
        kExitConfiguration);
  }
  throw UsageError("there is no echo canceller '" + std::string(name) + "'");
}

std::vector<std::string_view> echo_canceller_names() {
  std::vector<std::string_view> names;
  for (const Backend& backend : kBackends)
    if (backend.make != nullptr) names.push_back(backend.name);
  return names;
}

}  // namespace prot::capture
