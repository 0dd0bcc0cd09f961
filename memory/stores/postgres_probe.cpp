#include <pqxx/pqxx>

#include "stores/postgres.hpp"

namespace prot::memory {

std::string probe_postgres(const std::string& conninfo) {
  try {
    pqxx::connection connection(conninfo);
    pqxx::work transaction(connection);
    const pqxx::result row = transaction.exec("SHOW server_version");
    return std::string("PostgreSQL ") + row[0][0].c_str() + ", database " + connection.dbname() + ", user " +
           connection.username();
  } catch (const std::exception& error) {
    throw Error(error.what());
  }
}

}  // namespace prot::memory
