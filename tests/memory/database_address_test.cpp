// What goes to a database on another machine goes encrypted, to a server that was verified.
#include "memory/database_address.hpp"

#include <doctest/doctest.h>
#include <libpq-fe.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

#include "base/error.hpp"
#include "memory/registry.hpp"
#include "memory/self_check.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/support/loopback_listener.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;

namespace {

constexpr const char* kNames[] = {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE", "PGSSLROOTCERT", "HOME"};

/// libpq's own environment, empty but for `values`; the old one comes back with the end.
class Environment {
 public:
  using Values = std::map<std::string, std::string>;

  explicit Environment(const Values& values = {}) {
    for (const char* name : kNames) {
      if (const char* value = std::getenv(name); value != nullptr) old_[name] = value;
      ::unsetenv(name);
    }
    ::setenv("HOME", home_.path().c_str(), 1);
    for (const auto& [name, value] : values) ::setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const char* name : kNames) ::unsetenv(name);
    for (const auto& [name, value] : old_) ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  prot::test::TempFolder home_;
  std::map<std::string, std::string> old_;
};

std::map<std::string, std::string> read(const std::string& conninfo) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree);
  REQUIRE(options);
  std::map<std::string, std::string> words;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) words[option->keyword] = option->val;
  return words;
}

std::string mode_of(const std::string& address) { return read(guarded_conninfo({address}))["sslmode"]; }

int code_of(const std::string& address) {
  try {
    static_cast<void>(guarded_conninfo({address}));
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("memory.database_plain") != std::string::npos);
    CHECK(std::string(error.what()).find("geheim") == std::string::npos);
    return error.exit_code();
  }
  return 0;
}

/// A server without TLS that asks everybody for a password, or refuses them, and keeps what it was sent.
class PlainServer {
 public:
  explicit PlainServer(const std::string& refusal = {}) : answer_(answer_of(refusal)) {}

  [[nodiscard]] std::string port() const { return std::to_string(listener_.port()); }
  [[nodiscard]] std::string heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  static std::string answer_of(const std::string& refusal) {
    if (refusal.empty()) return {"R\0\0\0\x08\0\0\0\x03", 9};  // give a password
    const std::string fields = std::string("SFATAL\0VFATAL\0C28000\0M", 22) + refusal + std::string(2, '\0');
    return std::string("E\0\0\0", 4) + static_cast<char>(4 + fields.size()) + fields;
  }

  void serve(int fd) {
    char bytes[1024];
    for (int message = 0; listener_.end().wait_for(fd, 1, 10'000); ++message) {
      const ssize_t length = ::recv(fd, bytes, sizeof bytes, 0);
      if (length <= 0) return;
      const std::string_view text(bytes, static_cast<std::size_t>(length));
      {
        const std::lock_guard lock(mutex_);
        heard_ += text;
      }
      const bool asks_for_tls = text.size() == 8 && text.substr(4, 2) == std::string_view("\x04\xd2", 2);
      const std::string answer = asks_for_tls ? "N" : answer_;
      if (text[0] == 'p' || ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  std::string answer_;
  std::mutex mutex_;
  std::string heard_;
  prot::test::LoopbackListener listener_{[this](int fd, unsigned) { serve(fd); }};  // last: uses the above
};

/// As memory and its checks open it.
std::string heard_by_server(const std::vector<std::string>& more) {
  PlainServer server;
  // This machine by a number that is not taken for it.
  std::vector<std::string> values = more;
  values.push_back("memory.database_url=postgresql://prot:geheim@0.0.0.0:" + server.port() + "/prot");
  const stage::Config config = stage::Config::load("", values);
  CHECK_THROWS_AS(static_cast<void>(probe_postgres(database_conninfo(config, InstancePaths{}))), Error);
  return server.heard();
}

}  // namespace

TEST_CASE("a database on another machine is reached encrypted and verified, on this one as before") {
  const Environment environment;
  for (const char* there : {"postgresql://prot:geheim@db.example/prot", "host=192.0.2.2 dbname=prot",
                            "hostaddr=192.0.2.2 host=localhost", "postgresql://localhost,db.example/prot",
                            "host=/run/postgresql,db.example", "postgresql://localhost/x?host=db.example",
                            "service=mine", "host=localhost service=mine", "host=127.0.0.999",
                            "postgresql://[2001:db8::1]:5432/prot", "postgresql://u:p?x@db.example/prot"})
    CHECK_MESSAGE(mode_of(there) == "verify-full", there);
  for (const char* here :
       {"", "postgresql:///prot", "host=/run/postgresql", "host=@abstract", "host=''",
        "postgresql://prot:geheim@localhost:5432/prot", "postgresql://%2Frun%2Fdb/prot",
        "host=127.0.0.1,localhost", "postgresql://[::1]/prot", "postgresql://LocalHost/prot",
        "host=LOCALHOST", "host=db.example hostaddr=127.0.0.1", "postgresql://localhost/x?sslmode=disable"})
    CHECK_MESSAGE(mode_of(here) != "verify-full", here);
}

TEST_CASE("what the environment of libpq adds counts like the address") {
  for (const auto& [name, value] :
       Environment::Values{{"PGHOST", "db.example"}, {"PGHOSTADDR", "192.0.2.2"}, {"PGSERVICE", "mine"}}) {
    const Environment environment(Environment::Values{{name, value}, {"PGSSLMODE", "disable"}});
    const std::string said = name;  // clang captures no structured binding
    CHECK_MESSAGE(mode_of("dbname=prot") == "verify-full", said);
  }
  const Environment environment(Environment::Values{{"PGHOST", "db.example"}, {"PGHOSTADDR", "192.0.2.2"}});
  CHECK(mode_of("host=/run/db").ends_with("full"));  // the number counts more than the name
  CHECK(mode_of("host=localhost hostaddr=127.0.0.1").empty());
}

TEST_CASE("an address that says less than verified is refused, unless the configuration allows it") {
  const Environment environment;
  for (const char* mode : {"disable", "allow", "prefer", "require", "anything"})
    CHECK(code_of(std::string("postgresql://prot:geheim@db.example/prot?sslmode=") + mode) == 78);
  CHECK(code_of("postgresql://db.example/prot?ssl=true") == 78);  // JDBC's word for require
  CHECK(code_of("postgresql://db.example/prot?sslmode=verify-full") == 0);
  CHECK(mode_of("postgresql://db.example/prot?sslmode=verify-ca") == "verify-ca");
  CHECK(read(guarded_conninfo({"host=db.example sslmode=require", true}))["sslmode"] == "require");
  CHECK_FALSE(read(guarded_conninfo({"host=db.example", true})).contains("sslmode"));
}

TEST_CASE("a server is verified by this machine's authorities, unless others are named") {
  const Environment environment;
  const std::string known = read(guarded_conninfo({"host=db.example"}))["sslrootcert"];
  CHECK(known.empty() == (::access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0));
  CHECK(read(guarded_conninfo({"host=db.example sslrootcert=/my/ca.pem"}))["sslrootcert"] == "/my/ca.pem");
  // Any of their certificates would do where no name is compared.
  CHECK_FALSE(read(guarded_conninfo({"host=db.example sslmode=verify-ca"})).contains("sslrootcert"));
  const Environment other(Environment::Values{{"PGSSLROOTCERT", "/other/ca.pem"}});
  CHECK_FALSE(read(guarded_conninfo({"host=db.example"})).contains("sslrootcert"));
}

TEST_CASE("an address keeps what it says, gets limits, and is none to libpq when it is none") {
  const Environment environment;
  auto words = read(guarded_conninfo({R"(host=/run/db password='it\'s a \\' connect_timeout=9)"}));
  CHECK(words["password"] == R"(it's a \)");
  CHECK(words["connect_timeout"] == "9");
  CHECK(words["options"].find("statement_timeout=10000") != std::string::npos);
  CHECK(guarded_conninfo({"postgresql://[half"}) == "postgresql://[half");
}

TEST_CASE("a server without encryption gets no password and no name, unless that is allowed") {
  const Environment environment;
  const std::string heard = heard_by_server({});
  CHECK(heard.size() == 8);  // "may we speak TLS?"
  CHECK(heard.find("geheim") == std::string::npos);
  CHECK(heard_by_server({"memory.database_plain=true"}).find("geheim") != std::string::npos);
}

TEST_CASE("the cure for a server that shows no certificate is not told to one that wants ours") {
  const Environment environment;
  const auto cure = [](const std::string& host, const std::string& refusal) {
    const PlainServer server(refusal);
    const std::string address = "memory.database_url=postgresql://prot:geheim@" + host + ":" + server.port();
    const stage::Config config = stage::Config::load("", {address});
    const stage::Findings findings = check_memory({config, InstancePaths{}});
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].finding.find(refusal) != std::string::npos);
    return findings[0].mend;
  };
  CHECK(cure("0.0.0.0", "").find("sslrootcert") != std::string::npos);
  for (const char* refusal : {"connection requires a valid client certificate",
                              "certificate authentication failed for user \"prot\""})
    CHECK_MESSAGE(cure("127.0.0.1", refusal).find("sslrootcert") == std::string::npos, refusal);
}
