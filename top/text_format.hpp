#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace prot::top {

/// Numbers and names as a table shows them: short, of bounded width, `---` for no data.
inline constexpr const char* kNoData = "---";
inline constexpr const char* kInProgress = "+++";  // taken, not released; or blocked

/// Printable ASCII stays, everything else becomes '?': what comes from shared memory must not steer a
/// terminal.
[[nodiscard]] std::string printable(std::string_view text);

[[nodiscard]] std::string count_text(std::uint64_t count);        // 999999, 1.2M
[[nodiscard]] std::string size_text(double bytes);                // 512, 1.2K, 4M: units of 1024
[[nodiscard]] std::string rate_text(std::optional<double> rate);  // 0.5, 31.2, 1250, 1.2M
[[nodiscard]] std::string percent_text(std::optional<double> percent);
[[nodiscard]] std::string ms_text(std::optional<Nanos> time);    // 0.02, 3.1, 1250; long ones as span_text
[[nodiscard]] std::string span_text(std::optional<Nanos> time);  // 8ms, 12s, 5m03s, 2h05m, 3d04h
[[nodiscard]] std::string exit_text(std::optional<std::int32_t> code);  // 0, 1, SIGKILL

/// Cut or filled to `width` characters.
[[nodiscard]] std::string padded(std::string_view text, std::size_t width, bool left);

}  // namespace prot::top
