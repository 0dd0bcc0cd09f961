#include "stage/echo_choice.hpp"

namespace prot::stage {
namespace {

#ifdef PROT_HAVE_WEBRTC
constexpr std::string_view kBuiltIn = "webrtc";
#else
constexpr std::string_view kBuiltIn = "none";
#endif

}  // namespace

std::string_view echo_canceller(const Config& config) {
  const std::string& wanted = config.get_string("capture.echo_cancellation");
  if (wanted == "off" || config.get_bool("player.headphones")) return "none";
  return wanted == "auto" ? kBuiltIn : "webrtc";
}

bool own_voice_is_unheard(const Config& config) {
  return config.get_bool("player.headphones") || echo_canceller(config) != "none";
}

}  // namespace prot::stage
