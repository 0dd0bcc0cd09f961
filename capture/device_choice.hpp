#pragma once

#include <string>
#include <vector>

#include "audio_thread.hpp"
#include "stage/config.hpp"
#include "stage/self_check.hpp"

namespace prot::capture {

/// The sources to try, in order, as capture.source, capture.device and capture.device_index say. Asks for the
/// list of devices only when an index is set. Throws Error (exit code 78) when the index is no row, or
/// contradicts the other two.
[[nodiscard]] std::vector<std::string> source_candidates(const stage::Config& config);
/// Opens what source_candidates() names. An index is looked up at the first opening, so that a device that
/// comes back is the same one.
[[nodiscard]] SourceOpener open_configured(const stage::Config& config, const SourceOptions& options);

/// For --check and --devices.
[[nodiscard]] stage::Findings check_capture(const stage::CheckContext& context);
[[nodiscard]] std::vector<stage::DeviceRow> capture_rows(const stage::CheckContext& context);

/// The voice activity model's file.
[[nodiscard]] std::string detector_model(const stage::Config& config, const std::string& cache);
/// The end-of-turn model's file.
[[nodiscard]] std::string end_of_turn_file(const stage::Config& config, const std::string& cache);

}  // namespace prot::capture
