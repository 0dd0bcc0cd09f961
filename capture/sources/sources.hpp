#pragma once

#include <memory>
#include <string>

#include "pcm_source.hpp"

namespace prot::capture {

// One maker for each backend; `device` is what follows the colon, maybe empty. Only registry.cpp calls them.
std::unique_ptr<PcmSource> make_alsa_source(const std::string& device, const SourceOptions& options);
std::unique_ptr<PcmSource> make_null_source(const std::string& device, const SourceOptions& options);
std::unique_ptr<PcmSource> make_pulse_source(const std::string& device, const SourceOptions& options);
std::unique_ptr<PcmSource> make_wav_source(const std::string& device, const SourceOptions& options);

}  // namespace prot::capture
