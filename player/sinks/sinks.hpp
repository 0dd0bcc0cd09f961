#pragma once

#include <memory>
#include <string>

#include "pcm_sink.hpp"

namespace prot::player {

// One maker for each backend; `device` is what follows the colon, maybe empty. Only registry.cpp calls them.
std::unique_ptr<PcmSink> make_alsa_sink(const std::string& device, const SinkOptions& options);
std::unique_ptr<PcmSink> make_null_sink(const std::string& device, const SinkOptions& options);
std::unique_ptr<PcmSink> make_pulse_sink(const std::string& device, const SinkOptions& options);
std::unique_ptr<PcmSink> make_wav_sink(const std::string& device, const SinkOptions& options);

}  // namespace prot::player
