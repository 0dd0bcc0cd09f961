#include "cluster_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

#include "base/error.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

// Nobody renames the user of his own session, and nobody takes a superuser's rights from the one whom initdb
// has made (10): so that one gets another name, and its own goes to a new role.
constexpr std::string_view kRoles = R"(DO $prot$ DECLARE item record;
BEGIN
IF EXISTS (SELECT FROM pg_authid WHERE oid = 10 AND rolname = 'prot') THEN
 CREATE ROLE prot_setup SUPERUSER;
 SET SESSION AUTHORIZATION prot_setup;
 ALTER ROLE prot RENAME TO prot_admin;
 SET SESSION AUTHORIZATION prot_admin;
 DROP ROLE prot_setup;
END IF;
IF NOT EXISTS (SELECT FROM pg_authid WHERE rolname = 'prot') THEN CREATE ROLE prot; END IF;
ALTER ROLE prot LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER DATABASE prot OWNER TO prot;
FOR item IN
 WITH members AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
 own AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
 SELECT format('SCHEMA %I', nspname) AS name FROM pg_namespace JOIN own USING (oid, nspname)
  WHERE nspowner = 10 AND ('pg_namespace'::regclass, oid) NOT IN (SELECT * FROM members)
 UNION ALL SELECT format('TABLE %s', c.oid::regclass) FROM pg_class c JOIN own ON own.oid = relnamespace
  WHERE relowner = 10 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND ('pg_class'::regclass, c.oid) NOT IN (SELECT * FROM members)
  AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d
   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
 UNION ALL SELECT format('ROUTINE %s', p.oid::regprocedure) FROM pg_proc p JOIN own ON own.oid = pronamespace
  WHERE proowner = 10 AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT * FROM members)
 UNION ALL SELECT format('TYPE %s', t.oid::regtype) FROM pg_type t JOIN own ON own.oid = typnamespace
  WHERE typowner = 10 AND ('pg_type'::regclass, t.oid) NOT IN (SELECT * FROM members)
  AND (typtype IN ('e', 'd', 'r')
   OR (typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND c.relkind = 'c')))
LOOP EXECUTE format('ALTER %s OWNER TO prot', item.name); END LOOP;
END $prot$)";

constexpr std::string_view kVector = R"(DO $prot$ BEGIN
IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
 CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;
END IF;
END $prot$)";

constexpr std::string_view kVectorIsThere = "# with pgvector";
constexpr std::string_view kLetIn = "local prot prot trust";

// Only when the first has done its work.
constexpr std::string_view kAccess = R"(DO $prot$ BEGIN
IF NOT EXISTS (SELECT FROM pg_roles r JOIN pg_database d ON d.datdba = r.oid
 WHERE datname = 'prot' AND rolname = 'prot' AND NOT rolsuper AND r.oid <> 10) THEN
 RAISE EXCEPTION 'role and database are not as they should be';
END IF;
COPY (SELECT '# Whom the server of prot lets in. The superuser works in single-user mode alone.'
 UNION ALL SELECT '{}'
 UNION ALL SELECT '{}' FROM pg_extension WHERE extname = 'vector') TO {};
END $prot$)";

std::string literal_of(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::string in_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text + "\n";
}

std::string content_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Beside the programs: as PostgreSQL itself is installed, or Debian's "lib/postgresql/15/bin". Elsewhere only
// a new cluster gets pgvector by itself.
bool has_vector(const fs::path& programs) {
  const fs::path above = programs.parent_path();
  const fs::path debian =
      above.parent_path().parent_path().parent_path() / "share/postgresql" / above.filename();
  std::error_code error;
  for (const fs::path& share : {above / "share", above / "share/postgresql", debian})
    if (fs::exists(share / "extension/vector.control", error)) return true;
  return false;
}

}  // namespace

fs::path access_file(const fs::path& cluster) { return cluster / "prot_hba.conf"; }

bool needs_setup(const ClusterSetup& setup) {
  const std::string content = content_of(access_file(setup.cluster));
  // A power cut may leave it empty.
  if (content.find("\nlocal ") == std::string::npos) return true;
  return setup.vector && content.find(kVectorIsThere) == std::string::npos && has_vector(setup.programs);
}

std::string setup_statements(const ClusterSetup& setup) {
  // No function of the database's owner may stand in for one that the superuser calls here.
  std::string text = "SET search_path = pg_catalog\n" + in_one_line(std::string(kRoles));
  if (setup.vector) text += in_one_line(std::string(kVector));
  return text + in_one_line(fmt::format(kAccess, kLetIn, kVectorIsThere,
                                        literal_of(access_file(setup.cluster).string())));
}

void check_setup(const ClusterSetup& setup) {
  if (content_of(access_file(setup.cluster)).find("\nlocal ") != std::string::npos) return;
  throw Error("db: the cluster " + setup.cluster.string() +
                  " could not be set up for prot: prot logs db says why; mend it, or set db.folder",
              2);
}

}  // namespace prot::supervisor
