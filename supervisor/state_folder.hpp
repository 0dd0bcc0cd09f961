#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/paths.hpp"

namespace prot::supervisor {

/// Makes the folders in which a stage writes (stage::written_folders), and returns what did not succeed.
/// Before each of its starts: its sandbox knows a folder by what stands there then.
[[nodiscard]] std::vector<std::string> make_written_folders(std::string_view stage,
                                                            const InstancePaths& paths);

/// Makes the folders of the state folder in which stages write (stage::written_folders), and moves what an
/// earlier version had beside the database's cluster into them. REQUIRES: the state folder is locked. Returns
/// what did not succeed and can wait, for the log. Throws Error where "off the record" would be forgotten.
[[nodiscard]] std::vector<std::string> prepare_state(const InstancePaths& paths);

}  // namespace prot::supervisor
