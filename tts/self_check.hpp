#pragma once

#include "stage/self_check.hpp"

namespace prot::tts {

/// For --check.
[[nodiscard]] stage::Findings check_tts(const stage::CheckContext& context);
/// The Piper voice's file.
[[nodiscard]] std::string piper_model(const stage::Config& config, const std::string& cache);

}  // namespace prot::tts
