#pragma once

#include <string>
#include <vector>

#include "base/paths.hpp"

namespace prot::supervisor {

/// Makes the folders of the state folder in which stages write (stage::written_folders), and moves what an
/// earlier version had beside the database's cluster into them. REQUIRES: the state folder is locked. Returns
/// what did not succeed and can wait, for the log. Throws Error where "off the record" would be forgotten.
[[nodiscard]] std::vector<std::string> prepare_state(const InstancePaths& paths);

}  // namespace prot::supervisor
