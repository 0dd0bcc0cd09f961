#include "stage/echo_choice.hpp"

#include <doctest/doctest.h>

namespace prot::stage {
namespace {

Config with(const std::vector<std::string>& overrides) { return Config::load("", overrides); }

TEST_CASE("the canceller that was asked for, the built-in one, or none") {
  CHECK(echo_canceller(with({"capture.echo_cancellation=webrtc"})) == "webrtc");
  CHECK(echo_canceller(with({"capture.echo_cancellation=off"})) == "none");
  const std::string_view built_in = echo_canceller(with({}));
  CHECK((built_in == "webrtc" || built_in == "none"));
  CHECK(own_voice_is_unheard(with({})) == (built_in != "none"));
  CHECK_FALSE(own_voice_is_unheard(with({"capture.echo_cancellation=off"})));
}

TEST_CASE("with headphones there is nothing to cancel") {
  for (const char* choice : {"auto", "webrtc", "off"}) {
    const Config config =
        with({"player.headphones=true", std::string("capture.echo_cancellation=") + choice});
    CHECK(echo_canceller(config) == "none");
    CHECK(own_voice_is_unheard(config));
  }
}

}  // namespace
}  // namespace prot::stage
