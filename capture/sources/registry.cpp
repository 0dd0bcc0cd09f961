#include <algorithm>
#include <array>

#include "audio/device_list.hpp"
#include "base/error.hpp"
#include "sources.hpp"

namespace prot::capture {
namespace {

using Maker = std::unique_ptr<PcmSource> (*)(const std::string& device, const SourceOptions& options);
struct Backend {
  std::string_view name;
  Maker make;                                                                // null: not built in
  std::vector<audio::Device> (*list)(audio::Direction direction) = nullptr;  // null: has no devices
};

constexpr std::array<Backend, 4> kBackends = {{
#ifdef PROT_HAVE_PULSE
    {"pulse", make_pulse_source, audio::pulse_devices},
#else
    {"pulse", nullptr},
#endif
#ifdef PROT_HAVE_ALSA
    {"alsa", make_alsa_source, audio::alsa_devices},
#else
    {"alsa", nullptr},
#endif
    {"wav", make_wav_source},
    {"null", make_null_source},
}};

}  // namespace

std::unique_ptr<PcmSource> make_source(std::string_view spec, const SourceOptions& options) {
  const std::size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  const std::string device(colon == std::string_view::npos ? std::string_view() : spec.substr(colon + 1));
  const auto* backend =
      std::find_if(kBackends.begin(), kBackends.end(), [&](const Backend& b) { return b.name == name; });
  if (backend != kBackends.end() && backend->make != nullptr) return backend->make(device, options);
  std::string known;
  for (const std::string& one : source_names()) known += (known.empty() ? "" : ", ") + one;
  const char* why = backend == kBackends.end() ? "is not known" : "is not built in";
  throw UsageError("source \"" + std::string(name) + "\" " + why + "; there are: " + known);
}

std::vector<std::string> source_names() {
  std::vector<std::string> names;
  for (const Backend& backend : kBackends) {
    if (backend.make != nullptr) names.emplace_back(backend.name);
  }
  return names;
}

audio::DeviceList list_sources() {
  audio::DeviceList list;
  for (const Backend& backend : kBackends) {
    if (backend.list != nullptr)
      list.append(std::string(backend.name), audio::Direction::kCapture, backend.list);
  }
  return list;
}

}  // namespace prot::capture
