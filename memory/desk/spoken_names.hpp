#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "recall/memory_records.hpp"

namespace prot::memory {

struct SpokenEntity {
  const KnownEntity* entity;  // of `all`
  std::string alias;          // the name of it that was said
};
/// Whom somebody means who said `name`, perhaps with a particle: for what is asked back. None: nobody, or
/// more than one.
[[nodiscard]] std::optional<SpokenEntity> spoken_entity(std::span<const KnownEntity> all,
                                                        std::string_view name);

}  // namespace prot::memory
