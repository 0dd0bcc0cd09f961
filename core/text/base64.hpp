#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace prot::text {

/// Base64 (RFC 4648, with padding) of `bytes`.
[[nodiscard]] std::string base64(std::span<const std::byte> bytes);
/// The bytes back. Padding may be missing; nothing: a character that base64 does not have.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace prot::text
