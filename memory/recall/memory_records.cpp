#include "recall/memory_records.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace prot::memory {

const char* to_string(Role role) noexcept { return role == Role::kUser ? "user" : "assistant"; }

const char* to_string(JobKind kind) noexcept { return kind == JobKind::kExtract ? "extract" : "apply"; }

const char* to_string(Origin origin) noexcept {
  switch (origin) {
    case Origin::kUser:
      return "user";
    case Origin::kAssistant:
      return "assistant";
    case Origin::kTool:
      return "tool";
    case Origin::kWeb:
      return "web";
    case Origin::kImport:
      return "import";
  }
  return "import";
}

const char* to_string(FactStatus status) noexcept {
  switch (status) {
    case FactStatus::kActive:
      return "active";
    case FactStatus::kSuperseded:
      return "superseded";
    case FactStatus::kForgotten:
      return "forgotten";
    case FactStatus::kQuarantined:
      return "quarantined";
  }
  return "forgotten";
}

std::string to_uuid(const wire::ConversationId& id) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32U, (id.high >> 16U) & 0xFFFFU,
                     id.high & 0xFFFFU, id.low >> 48U, id.low & 0xFFFFFFFFFFFFU);
}

wire::ConversationId parse_uuid(std::string_view text) {
  std::uint64_t half[2] = {};
  int digits = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const int value = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (value < 0 || digits == 32) throw Error("not a UUID: '" + std::string(text) + "'");
    std::uint64_t& word = half[digits / 16];
    word = (word << 4U) | static_cast<std::uint64_t>(value);
    ++digits;
  }
  if (digits != 32) throw Error("not a UUID: '" + std::string(text) + "'");
  return {half[0], half[1]};
}

}  // namespace prot::memory
