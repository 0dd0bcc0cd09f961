#pragma once

#include <optional>
#include <string_view>

#include "json/json.hpp"

namespace prot::json {

/// A member that is null where there is no value.
template <typename T>
Writer& member(Writer& out, std::string_view name, const std::optional<T>& value) {
  return value ? out.member(name, *value) : out.key(name).null();
}

}  // namespace prot::json
