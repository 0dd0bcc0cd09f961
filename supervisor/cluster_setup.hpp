#pragma once

#include <filesystem>
#include <string>

namespace prot::supervisor {

/// What is done to a cluster before its server lets anybody in, by PostgreSQL's single-user mode, which has
/// no socket: the role that memory uses owns the database and is no superuser, who could run programs and
/// read files (COPY TO PROGRAM), and the server lets in nobody else. A cluster of an earlier version, in
/// which that role is the superuser, is taken over with its data. Twice is as once.
struct ClusterSetup {
  std::filesystem::path cluster;
  std::filesystem::path programs;  // of PostgreSQL
  bool vector = false;             // pgvector is wanted: only a superuser may create it
};

/// The superuser of a new cluster. No client is let in as it.
inline constexpr const char* kClusterAdmin = "prot_admin";

/// Whom the server lets in (hba_file). The set-up writes it last: where it is, all of it was done.
[[nodiscard]] std::filesystem::path access_file(const std::filesystem::path& cluster);

/// Never done, broken off, or pgvector came meanwhile.
[[nodiscard]] bool needs_setup(const ClusterSetup& setup);

/// For the input of `postgres --single` on the database: a statement a line.
[[nodiscard]] std::string setup_statements(const ClusterSetup& setup);

/// Throws Error when the statements have not done their work.
void check_setup(const ClusterSetup& setup);

}  // namespace prot::supervisor
