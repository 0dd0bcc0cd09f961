#pragma once

#include <memory>
#include <string>

#include "end_of_turn_model.hpp"

/// What each backend's file offers to the registry.
namespace prot::capture {

[[nodiscard]] std::unique_ptr<EndOfTurnModel> make_smart_turn(const std::string& file);

}  // namespace prot::capture
