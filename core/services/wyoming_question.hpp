#pragma once

#include <string>

#include "services/answer.hpp"
#include "stage/self_check.hpp"

namespace prot::services {

/// Asks a Wyoming server what it is, which makes it work on nothing. As services::Prober says.
[[nodiscard]] Answer ask_wyoming(const stage::CheckContext& context, const Service& service,
                                 const std::string& key);

}  // namespace prot::services
