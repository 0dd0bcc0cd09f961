#include <pqxx/pqxx>

#include "stores/postgres.hpp"
#include "stores/postgres_near.hpp"

namespace prot::memory {

std::string probe_postgres(const std::string& conninfo) {
  try {
    pqxx::connection connection(conninfo);
    pqxx::work transaction(connection);
    const pqxx::result row = transaction.exec("SHOW server_version");
    const std::optional<pg::Extension> extension = pg::find_extension(transaction);
    return std::string("PostgreSQL ") + row[0][0].c_str() + ", database " + connection.dbname() + ", user " +
           connection.username() + (extension ? ", pgvector " + extension->version : ", no pgvector");
  } catch (const std::exception& error) {
    throw Error(error.what());
  }
}

}  // namespace prot::memory
