#include <alsa/asoundlib.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "audio/device_list.hpp"
#include "base/error.hpp"

namespace prot::audio {
namespace {

struct HintsCloser {
  void operator()(void** hints) const noexcept { (void)snd_device_name_free_hint(hints); }
};

std::string hint(const void* hints, const char* key) {
  char* text = snd_device_name_get_hint(hints, key);
  if (text == nullptr) return {};
  std::string copy(text);
  std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): libasound's contract
  std::replace(copy.begin(), copy.end(), '\n', ' ');
  return copy;
}

// One name for each device of each card, opened with conversion; the other names are the same devices or
// converters without one. What else a person has configured is opened by its name.
bool is_device(const std::string& name) {
  return name == "default" || name.starts_with("plughw:") || name.starts_with("bluealsa:");
}

}  // namespace

std::vector<Device> alsa_devices(Direction direction) {
  void** raw = nullptr;
  const int code = snd_device_name_hint(-1, "pcm", &raw);
  if (code < 0) throw Error(std::string("ALSA: ") + snd_strerror(code));
  const std::unique_ptr<void*, HintsCloser> hints(raw);
  const std::string_view other = direction == Direction::kCapture ? "Output" : "Input";
  std::vector<Device> devices;
  for (void** one = raw; *one != nullptr; ++one) {
    const std::string name = hint(*one, "NAME");
    if (!is_device(name) || hint(*one, "IOID") == other) continue;
    devices.push_back({name, hint(*one, "DESC"), name == "default", false});
  }
  return devices;
}

}  // namespace prot::audio
