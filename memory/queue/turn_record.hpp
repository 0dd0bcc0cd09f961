#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "recall/memory_records.hpp"
#include "wire/frame.hpp"

namespace prot::memory {

/// The record of a frame of `turns`; none for other kinds and for frames that cannot be read.
/// Text is made valid (UTF-8, no NUL), since the database would refuse it for ever otherwise.
[[nodiscard]] std::optional<TurnRecord> record_of(const ipc::FrameInfo& info,
                                                  std::span<const std::byte> payload);
/// True for the kinds that must be kept.
[[nodiscard]] bool is_message(const ipc::FrameInfo& info) noexcept;

/// One line of JSON for the spool, and back. from_json: throws Error.
[[nodiscard]] std::string to_json(const TurnRecord& record);
[[nodiscard]] TurnRecord from_json(std::string_view line);

/// The finished message that a record brings (a user's text, the end of a reply); none for the others.
[[nodiscard]] std::optional<Message> message_of(const TurnRecord& record);

}  // namespace prot::memory
