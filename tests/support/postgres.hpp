#pragma once

#include <sys/types.h>

#include <string>

#include "tests/support/temp_folder.hpp"

namespace prot::test {

/// A PostgreSQL cluster of this test's own, with the database and user "prot", on a socket in a temporary
/// folder. Not running at first. It ends with the object and with the test.
class PrivatePostgres {
 public:
  /// Makes the cluster (about a second). Throws Error.
  PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;
  ~PrivatePostgres();

  /// Are the programs there, and a user to run them as?
  [[nodiscard]] static bool installed();
  /// Returns when it answers. Throws Error.
  void start();
  /// A fast shutdown.
  void stop();
  /// SIGKILL to the server and all its processes, as a power cut would end them.
  void kill_hard();
  /// All of its processes stand still: connections are accepted, nobody answers. Until go_on().
  void hang();
  void go_on();

  [[nodiscard]] std::string conninfo() const;
  /// Runs SQL by psql; the rows, fields separated by '|'. Throws Error.
  [[nodiscard]] std::string query(const std::string& sql) const;
  /// All of the database, as pg_dump writes it. Throws Error.
  [[nodiscard]] std::string dump() const;

 private:
  void end(int signal);
  void signal_all(int signal);

  TempFolder folder_;
  std::string cluster_;
  pid_t pid_ = -1;
};

}  // namespace prot::test
