#pragma once

#include "stage/self_check.hpp"

namespace prot::stt {

/// For --check.
[[nodiscard]] stage::Findings check_stt(const stage::CheckContext& context);
/// The recogniser's model.
[[nodiscard]] std::string recognizer_model(const stage::Config& config, const std::string& cache);

}  // namespace prot::stt
