#pragma once

#include <string>

namespace prot::memory {

/// Of a database of somebody else's. A value.
struct DatabaseAddress {
  std::string text;            // "postgresql://...", or "host=... dbname=..."
  bool plain_allowed = false;  // memory.database_plain
};

/// libpq's connection string, with time limits. What leaves this machine does so encrypted, to a server whose
/// certificate is verified (sslmode=verify-full): also where only the environment or a service file names
/// another machine. Throws Error with exit code 78 (another try would change nothing), which quotes nothing
/// of the address, when it says less and that is not allowed. An address that libpq does not understand comes
/// back as it is: libpq says so at the first connection.
[[nodiscard]] std::string guarded_conninfo(const DatabaseAddress& address);

}  // namespace prot::memory
