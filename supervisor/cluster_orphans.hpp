#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace prot::supervisor {

/// Processes of the PostgreSQL cluster in `folder` whose postmaster is dead: each has a session of its own,
/// so no group and no environment names them. While one lives it holds the cluster's shared memory, and a new
/// server refuses to start. None while a postmaster lives, whoever started it.
[[nodiscard]] std::vector<pid_t> cluster_orphans(const std::filesystem::path& folder);

/// Kills them, which harms nothing that the death of their postmaster has not harmed, and waits a little for
/// their end. Returns how many there were.
std::size_t end_cluster_orphans(const std::filesystem::path& folder);

/// The server's locks (in its folder, and that of its socket) of a postmaster that is dead and that nobody
/// has collected yet: to PostgreSQL such a one lives, and it refuses. They go when nothing of the cluster
/// lives.
void drop_locks_of_the_dead(const std::filesystem::path& folder, const std::filesystem::path& sockets);

}  // namespace prot::supervisor
