#pragma once

#include <memory>
#include <string>

#include "voice_detector.hpp"

/// What each backend's file offers to the registry.
namespace prot::capture {

[[nodiscard]] std::unique_ptr<VoiceDetector> make_energy_detector();
[[nodiscard]] std::unique_ptr<VoiceDetector> make_silero_detector(const std::string& model);

}  // namespace prot::capture
